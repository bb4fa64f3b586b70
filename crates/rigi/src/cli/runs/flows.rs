//! `rigi runs steps`, `approve`, `reject` and `why-not-cached`.

use std::process::ExitCode;

use clap::Args;
use clap_complete::ArgValueCompleter;
use rigi_api::view::{AnswerBody, FlowView, Page, RunView, StepRunView, StepView, WhyNotCached};
use rigi_model::flows::StepState;
use rigi_model::quantity::show_duration;
use rigi_model::{RunState, Timestamp};

use crate::cli::output::{self, OutputArgs, print_value};
use crate::cli::session::Session;
use crate::cli::table::{Column, Field};
use crate::cli::words::{count, state_colour, state_word};
use crate::client::{CallError, Client};
use crate::terminal::failure::Failure;
use crate::terminal::{Colour, Exit, say};

/// Runs that one call answers.
const PAGE: usize = 1000;

/// `rigi runs steps`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi runs steps 7Q2A
  rigi runs steps 7Q2A each --state failed")]
pub struct Steps {
    /// The flow's run: its id, or a part of it
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(crate::cli::complete::runs))]
    run: String,
    /// The runs of this step, an item each
    #[arg(value_name = "STEP")]
    step: Option<String>,
    /// Only runs in this state
    #[arg(long, requires = "step")]
    state: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

const STEPS: &[Column] = &[
    Column::elastic("STEP", 12),
    Column::elastic("STATE", 12),
    Column::ranked("ITEMS", 1),
    Column::ranked("TOOK", 2),
    Column::ranked("RUN", 1),
    Column::ranked("NEEDS", 3),
];
const STEPS_WIDE: &[Column] =
    &[Column::fixed("KIND"), Column::fixed("DOES"), Column::fixed("IF"), Column::fixed("WHEN")];
const RUNS: &[Column] = &[
    Column::fixed("ITEM"),
    Column::fixed("RUN"),
    Column::elastic("STATE", 12),
    Column::ranked("TOOK", 1),
    Column::ranked("ATTEMPT", 2),
];
const RUNS_WIDE: &[Column] = &[Column::fixed("PIPELINE"), Column::fixed("ID")];

impl Steps {
    /// Prints them.
    ///
    /// # Errors
    /// When the run is not there, or is no flow.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.reader()?;
        let now = Timestamp::now();
        if let Some(step) = &self.step {
            let runs = session.block_on(async { Ok(self.runs_of(&client, step).await?) })?;
            let list = output::List {
                items: &runs,
                columns: RUNS,
                wide: RUNS_WIDE,
                row: &|run| run_row(run, now),
                name: &|run| run.id.to_string(),
                nothing: "No such run of this step has begun.",
            };
            list.print(self.output, &session.terminal)?;
            return Ok(Exit::Ok.into());
        }
        let flow: FlowView =
            session.block_on(async { Ok(client.get(&["runs", &self.run, "steps"], &[]).await?) })?;
        let list = output::List {
            items: &flow.steps,
            columns: STEPS,
            wide: STEPS_WIDE,
            row: &|step| step_row(step, now),
            name: &|step| step.name.clone(),
            nothing: "This run is no flow: it has no steps.",
        };
        list.print(self.output, &session.terminal)?;
        Ok(Exit::Ok.into())
    }

    async fn runs_of(&self, client: &Client, step: &str) -> Result<Vec<StepRunView>, CallError> {
        let mut runs = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = vec![("limit", PAGE.to_string())];
            query.extend(self.state.clone().map(|state| ("state", state)));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let page: Page<StepRunView> = client.get(&["runs", &self.run, "steps", step], &query).await?;
            runs.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(runs);
            }
        }
    }
}

fn time(from: Option<Timestamp>, to: Option<Timestamp>, now: Timestamp) -> String {
    from.map(|from| show_duration(to.unwrap_or(now).since(from))).unwrap_or_default()
}

fn step_row(step: &StepView, now: Timestamp) -> Vec<Field> {
    let counts = &step.counts;
    let items = match (step.fans_out, counts.items) {
        (false, _) | (true, 0) => String::new(),
        (true, items) => {
            let failed = counts.failed + counts.cancelled;
            let rest = if failed > 0 { format!(", {} failed", count(failed.into())) } else { String::new() };
            format!("{} of {}{rest}", count(counts.succeeded.into()), count(items.into()))
        }
    };
    let ended = step.ended_at.filter(|_| step.state.is_terminal());
    vec![
        step.name.clone().into(),
        state(step),
        items.into(),
        time(step.started_at, ended, now).into(),
        step.run.as_ref().map(|run| run.short().to_owned()).unwrap_or_default().into(),
        step.needs.join(", ").into(),
        step.kind.clone().into(),
        step.does.clone().into(),
        step.run_if.clone().into(),
        step.when.clone().unwrap_or_default().into(),
    ]
}

fn state(step: &StepView) -> Field {
    let colour = match step.state {
        StepState::Waiting | StepState::Skipped => Colour::Grey,
        StepState::Running => state_colour(RunState::Running),
        StepState::Succeeded => state_colour(RunState::Succeeded),
        StepState::Failed => state_colour(RunState::Failed),
    };
    let why = step.message.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    Field::coloured(colour, format!("{}{why}", step.state))
}

fn run_row(run: &StepRunView, now: Timestamp) -> Vec<Field> {
    let why = match &run.result_of {
        Some(former) => format!(", the result of {}", former.short()),
        None => run.message.as_ref().map(|why| format!(": {why}")).unwrap_or_default(),
    };
    vec![
        run.item.map(|item| item.to_string()).unwrap_or_default().into(),
        run.short.clone().into(),
        Field::coloured(state_colour(run.state), format!("{}{why}", state_word(run.state))),
        time(run.started_at, run.ended_at, now).into(),
        run.attempt.to_string().into(),
        run.pipeline.clone().into(),
        run.id.to_string().into(),
    ]
}

/// `rigi runs approve` and `rigi runs reject`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rigi runs approve 7Q2A --note \"looked at the figures\"")]
pub struct Answer {
    /// The run that waits for a person: its id, or a part of it
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(crate::cli::complete::runs))]
    run: String,
    /// For those who read the flow later
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

impl Answer {
    /// Says yes or no.
    ///
    /// # Errors
    /// When the run waits for nobody, or was answered before.
    pub fn run(self, session: &Session, act: &'static str) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        let body = AnswerBody { note: self.note };
        let done = if act == "approve" { "approved" } else { "rejected" };
        let refused = |error| Failure::from(error).doing(&format!("{} was not {done}", self.run));
        let path = ["runs", &self.run, act];
        let run: RunView =
            session.block_on(async { client.post(&path, &body).await.map_err(|e| refused(e).into()) })?;
        if self.output.is_for_people() {
            say(&format!("run {} is {done}", run.summary.short))?;
        } else {
            print_value(&run, self.output, || vec![run.summary.id.to_string()])?;
        }
        Ok(Exit::Ok.into())
    }
}

/// `rigi runs why-not-cached`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rigi runs why-not-cached 7Q2A")]
pub struct WhyNot {
    /// The run of a step: its id, or a part of it
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(crate::cli::complete::runs))]
    run: String,
    #[command(flatten)]
    output: OutputArgs,
}

impl WhyNot {
    /// Says why.
    ///
    /// # Errors
    /// When the run is not there.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.reader()?;
        let why: WhyNotCached =
            session.block_on(async { Ok(client.get(&["runs", &self.run, "why-not-cached"], &[]).await?) })?;
        if !self.output.is_for_people() {
            print_value(&why, self.output, || vec![why.why.clone()])?;
            return Ok(Exit::Ok.into());
        }
        let run = why.run.as_ref().map(|run| run.short().to_owned()).unwrap_or_default();
        let text = match why.why.as_str() {
            "unasked" => "Its step does not say `cache: true`.".to_owned(),
            "counts" => format!("It was not executed: the result of {run} counts."),
            "first" => "No run of this step has succeeded before it.".to_owned(),
            "refused" => format!("{run} is the same, and was not to count."),
            _ => match why.parts.split_first() {
                Some((first, [])) => format!("Other than in {run}: {first}."),
                Some((first, rest)) => format!("Other than in {run}: {first}, and also {}.", rest.join(", ")),
                None => format!("Nothing differs from {run}."),
            },
        };
        say(&text)?;
        Ok(Exit::Ok.into())
    }
}
