//! `rigi import`.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use rigi_model::ErrorCode;

use super::output::{OutputArgs, print_value};
use super::session::Session;
use super::table::{Column, Heads, lay_out};
use super::words::count;
use crate::imports::crontab::{Kind, Machine};
use crate::imports::fast_flow::{self, OpenRuns, Options, Run, Specs};
use crate::imports::report::Report;
use crate::imports::specs::{NewPipeline, Writing, write_all};
use crate::imports::{airflow, crontab};
use crate::terminal::{Exit, Failure, Terminal, say};
use crate::trouble::Trouble;

/// `rigi import`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi import fastflow --database sqlite:////data/fastflow.db --pipelines pipelines --dry-run
  crontab -l | rigi import crontab - --to pipelines
  rigi import airflow dags --to pipelines")]
pub struct Import {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring an installation of Fast-Flow with all that it knows
    Fastflow(Box<FastFlow>),
    /// Write a pipeline for each line of a crontab
    Crontab(Crontab),
    /// Write a flow for each DAG of Airflow
    Airflow(Airflow),
}

/// What becomes of runs that Fast-Flow never ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Open {
    /// They are left out, and come when they have ended
    Leave,
    /// They are lost
    Lost,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi import fastflow --database sqlite:////data/fastflow.db --pipelines pipelines --dry-run
  rigi import fastflow --env /opt/fastflow/.env --pipelines /opt/fastflow/pipelines
  rigi import fastflow --database postgresql://ff@db/fastflow --pipelines theirs ours

No server may run on the pipelines folder meanwhile. Fast-Flow's own database and files are read alone. What was
brought before is not brought again, and what was changed here since stays.")]
struct FastFlow {
    /// Folder of pipelines to bring them into [default: Fast-Flow's own, as it stands]
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
    /// Fast-Flow's database, as its `DATABASE_URL` has it, or the file
    #[arg(long, value_name = "URL", env = "RIGI_IMPORT_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Fast-Flow's folder of pipelines
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pipelines: PathBuf,
    /// Fast-Flow's folder of logs [default: `logs` beside its pipelines]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    logs: Option<PathBuf>,
    /// Fast-Flow's `ENCRYPTION_KEY`; better given by the variable, as others can see the arguments of a process
    #[arg(long, value_name = "KEY", env = "RIGI_IMPORT_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Fast-Flow's file of variables, for what is not said above and for settings
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    env: Option<PathBuf>,
    /// What becomes of runs that Fast-Flow has not ended
    #[arg(long, value_enum, default_value = "leave", value_name = "WHAT")]
    open: Open,
    /// Write downstream triggers of the database into `pipeline.json`
    #[arg(long)]
    write_specs: bool,
    /// Only say what would be brought
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crontab -l | rigi import crontab - --to pipelines
  rigi import crontab /etc/crontab --system --to pipelines --dry-run")]
struct Crontab {
    /// The crontab; `-` is standard input
    #[arg(default_value = "-", value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// It is the machine's: an account stands before each command
    #[arg(long)]
    system: bool,
    /// Time zone of its times, where no `CRON_TZ` says another [default: this machine's]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Folder where its jobs start [default: yours]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    home: Option<String>,
    #[command(flatten)]
    to: To,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi import airflow ~/airflow/dags --to pipelines --dry-run
  rigi import airflow ~/airflow/dags --to pipelines

The files are read as text; nothing in them is run. It takes a Python to read them.")]
struct Airflow {
    /// Folder of DAGs
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// The Python that reads them
    #[arg(long, default_value = "python3", value_name = "PROGRAM")]
    python: PathBuf,
    #[command(flatten)]
    to: To,
}

/// Where pipelines are written.
#[derive(Debug, Args)]
struct To {
    /// Folder of pipelines; what is in it stays
    #[arg(long = "to", default_value = ".", value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    place: PathBuf,
    /// Only say what would be written
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Import {
    /// Brings or writes it.
    ///
    /// # Errors
    /// When what is to be brought cannot be read, or what is here not be written.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Fastflow(command) => command.run(session),
            Command::Crontab(command) => command.run(session),
            Command::Airflow(command) => command.run(session),
        }
    }
}

impl FastFlow {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let options = Options {
            database: filled(self.database),
            pipelines: self.pipelines.clone(),
            logs: self.logs,
            key: filled(self.key),
            env: self.env,
            open: if self.open == Open::Lost { OpenRuns::Lost } else { OpenRuns::Left },
            specs: if self.write_specs { Specs::Written } else { Specs::Told },
            run: if self.dry_run { Run::Dry } else { Run::Real },
            project: filled(session.globals.project.clone()),
        };
        let folder = self.folder.unwrap_or(self.pipelines);
        let loaded = session.load(&folder, Vec::new())?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let report = runtime.block_on(fast_flow::bring(&loaded, &options))?;
        show(&report, self.output, &session.terminal)?;
        Ok(Exit::Ok.into())
    }
}

impl Crontab {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let text = self.text()?;
        let zone = self.timezone.or_else(|| jiff::tz::TimeZone::system().iana_name().map(str::to_owned));
        let machine = Machine {
            zone: zone.unwrap_or_else(|| "UTC".to_owned()),
            home: self.home.or_else(|| std::env::var("HOME").ok()),
        };
        let kind = if self.system { Kind::System } else { Kind::Own };
        let mut report = Report::default();
        let pipelines = crontab::convert(&text, kind, &machine, &mut report)
            .map_err(|why| Failure::new(Exit::BadInput, format!("{}: {why}", self.file.display())))?;
        written(&pipelines, &self.to, report, session)
    }

    fn text(&self) -> Result<String, Failure> {
        let cannot = |error: std::io::Error| {
            let what = format!("{} cannot be read: {error}", self.file.display());
            Failure::new(Exit::BadInput, what)
                .cure("name a crontab, or give one: `crontab -l | rigi import crontab -`")
        };
        let mut bytes = Vec::new();
        // One byte more than there may be is enough to know.
        let most = (crontab::LARGEST + 1) as u64;
        if self.file.as_os_str() == "-" {
            std::io::stdin().take(most).read_to_end(&mut bytes).map_err(cannot)?;
        } else {
            std::fs::File::open(&self.file)
                .map_err(cannot)?
                .take(most)
                .read_to_end(&mut bytes)
                .map_err(cannot)?;
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Airflow {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let mut report = Report::default();
        let read = session.block_on(async { Ok(airflow::read(&self.folder, &self.python).await?) })?;
        if read.files == 0 {
            let what = format!("no file of Python is in {}", self.folder.display());
            return Err(Trouble::new(ErrorCode::NotFound, what, "name the folder of your DAGs").into());
        }
        let pipelines = airflow::convert(&read, &mut report);
        written(&pipelines, &self.to, report, session)
    }
}

/// Writes pipelines, and says what came of it.
fn written(
    pipelines: &[NewPipeline],
    to: &To,
    mut report: Report,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    let writing = if to.dry_run { Writing::Dry } else { Writing::Real };
    report.dry_run = to.dry_run;
    write_all(&to.place, pipelines, writing, &mut report)?;
    report.next = next(&to.place, to.dry_run, report.brought_anything());
    show(&report, to.output, &session.terminal)?;
    Ok(Exit::Ok.into())
}

fn next(folder: &Path, dry_run: bool, any: bool) -> Vec<String> {
    match (dry_run, any) {
        (true, _) => vec!["Nothing was written. The same command without `--dry-run` writes it.".to_owned()],
        (false, true) => vec![
            format!("Look at them: rigi validate {}", folder.display()),
            format!("Start them:   rigi up {}", folder.display()),
        ],
        (false, false) => Vec::new(),
    }
}

fn show(report: &Report, how: OutputArgs, terminal: &Terminal) -> anyhow::Result<()> {
    if how.is_for_people() { Ok(say(&text(report, terminal))?) } else { print_value(report, how, Vec::new) }
}

fn text(report: &Report, terminal: &Terminal) -> String {
    let columns = ["SUBJECT", "NEW", "HERE", "LEFT OUT"].map(Column::fixed);
    let rows: Vec<_> = report
        .subjects
        .iter()
        .map(|one| {
            let name = one.subject.to_owned();
            vec![name.into(), count(one.new).into(), count(one.here).into(), count(one.left_out).into()]
        })
        .collect();
    let mut text = lay_out(&columns, &rows, Some(terminal.width), Heads::Shown, terminal);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    for note in &report.notes {
        let more = note.count.saturating_sub(note.names.len() as u64);
        let mut names = note.names.join(", ");
        if more > 0 {
            // Writing to a String cannot fail.
            let _ = write!(names, " and {} more", count(more));
        }
        let _ = write!(text, "\n{} · {} · {names}\n  {}\n", note.kind.word(), note.subject, note.why);
    }
    if let Some(settings) = &report.settings {
        let _ = write!(text, "\nThe settings, as a piece of `rigi.toml`:\n\n{settings}");
    }
    if !report.next.is_empty() {
        text.push('\n');
        report.next.iter().for_each(|line| _ = writeln!(text, "{line}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_came_and_what_did_not() {
        let mut report = Report::default();
        report.came("runs", 1200);
        (0..25).for_each(|n| report.left_out("runs", &format!("run {n}"), "it has not ended"));
        report.settings = Some("[limits]\nruns = 6\n".to_owned());
        report.next = next(Path::new("p"), false, true);
        let shown = text(&report, &Terminal::plain(80));
        for expected in
            ["1,200", "left out · runs · run 0, ", "and 5 more\n  it has not ended", "[limits]", "rigi up p"]
        {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
    }
}
