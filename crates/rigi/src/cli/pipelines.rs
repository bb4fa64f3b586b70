//! `rigi pipelines` and `rigi validate`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use rigi_api::view::{GraphView, MistakeView, Page, PipelineSummary, PipelineView, RunMark};
use rigi_model::quantity::show_duration;
use rigi_model::{RunState, Timestamp};
use serde::Serialize;

use super::from_tool::FromTool;
use super::output::{self, OutputArgs, facts, print_value};
use super::session::Session;
use super::table::{Column, Field};
use super::words::{ago, state_colour, state_word};
use crate::client::{CallError, Client};
use crate::terminal::Exit;
use crate::terminal::{Colour, Terminal, place, remark, say, set_in};

/// `rigi pipelines`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi pipelines list
  rigi pipelines get co2-trend
  rigi pipelines validate examples
  rigi pipelines from-tool FileInfo --into pipelines")]
pub struct Pipelines {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the pipelines of the server
    #[command(visible_alias = "ls")]
    List(List),
    /// Show one pipeline with its parameters and inputs
    #[command(visible_alias = "show")]
    Get(Get),
    /// Draw the steps of a flow
    Graph(Graph),
    /// Check the specs of pipelines, without a server
    Validate(Validate),
    /// Make a pipeline of a command-line tool that describes itself
    FromTool(FromTool),
}

impl Pipelines {
    /// Does it.
    ///
    /// # Errors
    /// When the server does not answer, or says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(command) => command.run(session),
            Command::Get(command) => command.run(session),
            Command::Graph(command) => command.run(session),
            Command::Validate(command) => command.run(session),
            Command::FromTool(command) => command.run(),
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi pipelines graph nightly
  rigi pipelines graph nightly --form dot | dot -Tsvg > nightly.svg")]
struct Graph {
    /// The pipeline
    #[arg(value_name = "PIPELINE", add = ArgValueCompleter::new(super::complete::pipelines))]
    name: String,
    /// As what: `text`, `dot` or `mermaid`
    #[arg(long, value_name = "FORM", default_value = "text", value_parser = ["text", "dot", "mermaid"])]
    form: String,
}

impl Graph {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.reader()?;
        let query = [("form", self.form)];
        let path = ["pipelines", &self.name, "graph"];
        let drawn: GraphView = session.block_on(async { Ok(client.get(&path, &query).await?) })?;
        if drawn.text.is_empty() {
            remark(&format!("{} has no steps.", self.name));
        } else {
            say(drawn.text.trim_end())?;
        }
        Ok(Exit::Ok.into())
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rigi pipelines list --tag climate")]
struct List {
    /// Only those whose name contains this
    #[arg(value_name = "TEXT")]
    text: Option<String>,
    /// Only those with this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

const COLUMNS: &[Column] = &[
    Column::elastic("PIPELINE", 12),
    Column::elastic("LAST RUN", 12),
    Column::ranked("RECENT", 2),
    Column::ranked("ACTIVE", 1),
    Column::ranked("QUEUED", 1),
    Column::ranked("USUALLY", 3),
    Column::ranked("KIND", 4),
];
const WIDE: &[Column] = &[Column::fixed("TAGS"), Column::fixed("SUMMARY")];

impl List {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.reader()?;
        let pipelines = session.block_on(async { Ok(self.fetch(&client).await?) })?;
        let now = Timestamp::now();
        let list = output::List {
            items: &pipelines,
            columns: COLUMNS,
            wide: WIDE,
            row: &|pipeline| row(pipeline, now),
            name: &|pipeline| pipeline.name.clone(),
            nothing: "There are no such pipelines.",
        };
        list.print(self.output, &session.terminal)?;
        if self.output.is_for_people()
            && let Some(note) = note_of_warnings(&pipelines)
        {
            eprintln!("{note}");
        }
        Ok(Exit::Ok.into())
    }

    async fn fetch(&self, client: &Client) -> Result<Vec<PipelineSummary>, CallError> {
        let mut pipelines = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = vec![("limit", "200".to_owned())];
            query.extend(self.text.clone().map(|text| ("q", text)));
            query.extend(self.tag.clone().map(|tag| ("tag", tag)));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let page: Page<PipelineSummary> = client.get(&["pipelines"], &query).await?;
            pipelines.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(pipelines);
            }
        }
    }
}

/// A line below the table where something does not mean what it seems to.
fn note_of_warnings(pipelines: &[PipelineSummary]) -> Option<String> {
    let names: Vec<&str> =
        pipelines.iter().filter(|pipeline| !pipeline.warnings.is_empty()).map(|p| p.name.as_str()).collect();
    let (first, rest) = names.split_first()?;
    let whose = match rest.len() {
        0 => format!("`{first}` has warnings"),
        1 => format!("`{first}` and 1 other have warnings"),
        others => format!("`{first}` and {others} others have warnings"),
    };
    Some(format!("{whose}: `rigi pipelines get {first}` shows them."))
}

fn row(pipeline: &PipelineSummary, now: Timestamp) -> Vec<Field> {
    let number = |number: u64| if number == 0 { String::new() } else { number.to_string() };
    vec![
        pipeline.name.clone().into(),
        last(pipeline, now),
        marks(&pipeline.recent).into(),
        number(pipeline.active).into(),
        number(pipeline.queued).into(),
        pipeline.expected_ms.map(|ms| show_duration(Duration::from_millis(ms))).unwrap_or_default().into(),
        pipeline.kind.clone().unwrap_or_default().into(),
        pipeline.tags.join(",").into(),
        pipeline.summary.clone().unwrap_or_default().into(),
    ]
}

/// How its last run is, or why there can be none.
fn last(pipeline: &PipelineSummary, now: Timestamp) -> Field {
    match (&pipeline.mistakes[..], pipeline.recent.last()) {
        ([mistake, ..], _) => Field::coloured(Colour::Red, format!("a mistake at {}", place(mistake))),
        ([], _) if !pipeline.enabled => Field::coloured(Colour::Grey, "switched off"),
        ([], Some(run)) => {
            let when = ago(now, run.created_at);
            Field::coloured(state_colour(run.state), format!("{} {when}", state_word(run.state)))
        }
        ([], None) => Field::coloured(Colour::Grey, "never"),
    }
}

/// The last ten runs, newest last, each as the shape of its state.
fn marks(recent: &[RunMark]) -> String {
    let shape = |run: &RunMark| match run.state {
        RunState::Queued | RunState::Starting => '○',
        RunState::Running => '◔',
        RunState::Retrying => '↻',
        RunState::Succeeded => '✓',
        RunState::Failed => '✗',
        RunState::TimedOut => '!',
        RunState::Cancelled => '–',
        RunState::Skipped => '»',
    };
    recent[recent.len().saturating_sub(10)..].iter().map(shape).collect()
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rigi pipelines get co2-trend -o yaml")]
struct Get {
    /// Name of the pipeline
    #[arg(value_name = "PIPELINE", add = ArgValueCompleter::new(super::complete::pipelines))]
    name: String,
    #[command(flatten)]
    output: OutputArgs,
}

impl Get {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.reader()?;
        let view: PipelineView =
            session.block_on(async { Ok(client.get(&["pipelines", &self.name], &[]).await?) })?;
        if self.output.is_for_people() {
            say(&show(&view, &session.terminal))?;
        } else {
            print_value(&view, self.output, || vec![view.summary.name.clone()])?;
        }
        Ok(Exit::Ok.into())
    }
}

fn show(view: &PipelineView, terminal: &Terminal) -> String {
    let summary = &view.summary;
    let state = match (summary.mistakes.len(), summary.enabled) {
        (0, true) => "ready".to_owned(),
        (0, false) => "switched off (`enabled: false`)".to_owned(),
        (1, _) => "has a mistake".to_owned(),
        (many, _) => format!("has {many} mistakes"),
    };
    let inputs = view
        .inputs
        .iter()
        .map(|(name, input)| if input.required { name.clone() } else { format!("[{name}]") });
    let mut lines = vec![
        ("pipeline", summary.name.clone()),
        (
            "about",
            view.description
                .clone()
                .or_else(|| summary.summary.clone())
                .unwrap_or_default()
                .trim()
                .to_owned(),
        ),
        ("state", state),
        ("kind", summary.kind.clone().unwrap_or_default()),
        ("tags", summary.tags.join(", ")),
        ("spec", view.spec_file.clone().unwrap_or_default()),
        ("version", summary.version.clone().unwrap_or_default().chars().take(12).collect()),
        (
            "usually",
            summary.expected_ms.map(|ms| show_duration(Duration::from_millis(ms))).unwrap_or_default(),
        ),
    ];
    lines.extend(view.spec.as_ref().map(super::spec_words::of_runs).unwrap_or_default());
    lines.extend([
        ("inputs", inputs.collect::<Vec<_>>().join(", ")),
        ("outputs", view.outputs.keys().cloned().collect::<Vec<_>>().join(", ")),
        ("presets", view.presets.keys().cloned().collect::<Vec<_>>().join(", ")),
        ("recent", marks(&summary.recent)),
    ]);
    let mut text = facts(&lines);
    text.push_str(&parameters(view, terminal));
    let wrong = mistakes(&summary.mistakes, &summary.warnings, terminal);
    if !wrong.is_empty() {
        text.push('\n');
        text.push_str(&wrong);
    }
    text
}

/// The parameters as a table of their schema.
fn parameters(view: &PipelineView, terminal: &Terminal) -> String {
    let properties = view.parameters.as_ref().and_then(|schema| schema.get("properties")?.as_object());
    let Some(properties) = properties.filter(|properties| !properties.is_empty()) else {
        return String::new();
    };
    let columns = [
        Column::fixed("PARAMETER"),
        Column::fixed("TYPE"),
        Column::elastic("DEFAULT", 8),
        Column::elastic("WHAT IT IS", 20),
    ];
    let is = |schema: &serde_json::Value, key: &str| schema[key] == true;
    let shown: Vec<_> = properties
        .iter()
        .filter(|(_, schema)| !is(schema, "x-advanced") && !is(schema, "x-hidden"))
        .collect();
    let more = properties.len() - shown.len();
    let text = |schema: &serde_json::Value, key: &str| {
        schema.get(key).map(rigi_model::parameters::variable_text).unwrap_or_default()
    };
    let row = |(name, schema): &(&String, &serde_json::Value)| {
        let about = [text(schema, "description"), text(schema, "title")];
        let about = about.into_iter().find(|words| !words.is_empty()).unwrap_or_default();
        [(*name).clone(), text(schema, "type"), text(schema, "default"), about].map(Field::from).to_vec()
    };
    let rows: Vec<Vec<Field>> = shown.iter().map(row).collect();
    let table =
        super::table::lay_out(&columns, &rows, Some(terminal.width), super::table::Heads::Shown, terminal);
    let rest =
        if more > 0 { format!("{more} more are advanced: `-o yaml` shows all.\n") } else { String::new() };
    format!("\n{table}\n{rest}")
}

/// `rigi validate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi validate examples
  rigi validate examples/co2-trend && git commit")]
pub struct Validate {
    /// Folders of pipelines
    #[arg(default_value = ".", value_name = "DIR")]
    folders: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What was found of one pipeline.
#[derive(Debug, Serialize)]
struct Finding {
    pipeline: String,
    mistakes: Vec<MistakeView>,
    warnings: Vec<MistakeView>,
}

impl Validate {
    /// Prints every mistake with its place.
    ///
    /// # Errors
    /// When a folder is not there.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let mut findings = Vec::new();
        for folder in &self.folders {
            if !folder.is_dir() {
                let what = format!("`{}` is no folder", folder.display());
                return Err(crate::terminal::Failure::new(Exit::NotFound, what).into());
            }
            let limits = session.load(&home_of(folder), Vec::new())?.config.code_limits();
            findings.extend(crate::wiring::validate(folder, limits).into_iter().map(|(pipeline, result)| {
                match result {
                    Ok(warnings) => Finding { pipeline, mistakes: Vec::new(), warnings },
                    Err(mistakes) => Finding { pipeline, mistakes, warnings: Vec::new() },
                }
            }));
        }
        let wrong = findings.iter().filter(|finding| !finding.mistakes.is_empty()).count();
        if self.output.is_for_people() {
            let text: String = findings
                .iter()
                .map(|finding| mistakes(&finding.mistakes, &finding.warnings, &session.terminal))
                .collect();
            if !text.is_empty() {
                say(&text)?;
            }
            remark(&verdict(findings.len(), wrong));
        } else {
            let names =
                || findings.iter().filter(|f| !f.mistakes.is_empty()).map(|f| f.pipeline.clone()).collect();
            print_value(&findings, self.output, names)?;
        }
        Ok(if wrong == 0 { Exit::Ok } else { Exit::BadSpec }.into())
    }
}

/// The pipelines folder of what is checked, by its configuration: of a single pipeline it is the one around it.
fn home_of(folder: &Path) -> PathBuf {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let around = whole.parent().filter(|around| !has_config(&whole) && has_config(around));
    around.unwrap_or(folder).to_owned()
}

fn has_config(folder: &Path) -> bool {
    folder.join("rigi.toml").is_file()
}

fn verdict(all: usize, wrong: usize) -> String {
    match (all, wrong) {
        (0, _) => "There are no pipelines here.".to_owned(),
        (1, 0) => "The pipeline has no mistake.".to_owned(),
        (1, _) => "The pipeline has mistakes; it cannot run.".to_owned(),
        (all, 0) => format!("{all} pipelines, no mistake."),
        (all, 1) => format!("{all} pipelines; 1 has mistakes and cannot run."),
        (all, wrong) => format!("{all} pipelines; {wrong} have mistakes and cannot run."),
    }
}

fn mistakes(mistakes: &[MistakeView], warnings: &[MistakeView], terminal: &Terminal) -> String {
    let one = |mistake: &MistakeView, mark: &str| {
        let cure = mistake.cure.as_ref().map(|cure| format!("\n    {}", set_in(cure, 4))).unwrap_or_default();
        format!("{}  {mark}{}{cure}\n", place(mistake), set_in(&mistake.message, 4))
    };
    let warning = format!("{} ", terminal.paint(Colour::Amber, "warning:"));
    let wrong = mistakes.iter().map(|mistake| one(mistake, ""));
    wrong.chain(warnings.iter().map(|mistake| one(mistake, &warning))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_have_their_place_and_cure() {
        let mistake = MistakeView {
            file: "examples/broken/pipeline.yaml".to_owned(),
            line: 4,
            column: 1,
            message: "`timout`: there is no such field; the nearest is `timeout`".to_owned(),
            cure: Some("write `timeout: 10m`".to_owned()),
        };
        let whole =
            MistakeView { line: 0, message: "is not UTF-8".to_owned(), cure: None, ..mistake.clone() };
        assert_eq!(
            mistakes(&[mistake], std::slice::from_ref(&whole), &Terminal::plain(80)),
            "examples/broken/pipeline.yaml:4:1  `timout`: there is no such field; the nearest is `timeout`\n    \
             write `timeout: 10m`\nexamples/broken/pipeline.yaml  warning: is not UTF-8\n"
        );
        let odd = MistakeView {
            file: "x/a\nb\u{1b}[31m\u{202e}/pipeline.yaml".to_owned(),
            line: 1,
            message: "`c\u{1b}]0;t\u{7}`\nis wrong".to_owned(),
            ..whole
        };
        assert_eq!(
            mistakes(&[odd], &[], &Terminal::plain(80)),
            "x/a\\nb\\u{1b}[31m\\u{202e}/pipeline.yaml:1:1  `c\\u{1b}]0;t\\u{7}`\n    is wrong\n"
        );
        assert_eq!(verdict(5, 1), "5 pipelines; 1 has mistakes and cannot run.");
    }
}
