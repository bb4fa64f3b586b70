//! From what is stored, and what the engine knows beside it, to what the API says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use rigi_api::view::{
    Actions, ArtifactSummary, EnvironmentUse, GitView, InputView, LimitsView, LogSummary, Phases, Progress,
    QueuePlace, RunSummary, RunView, StepPlace, TriggerView, UsageView,
};
use rigi_engine::decide::{LimitOf, WaitReason};
use rigi_engine::{Look, Settings};
use rigi_model::parameters::{is_reserved, secret_parameters};
use rigi_model::pipeline::PipelineSpec;
use rigi_model::quantity::{ordinal, show_bytes, show_cpu};
use rigi_model::repositories::COMMIT;
use rigi_model::run::RunStatus;
use rigi_model::{Reason, RunId, RunState, Target, Timestamp, TriggerKind};
use rigi_store::tables::versions::{GitFacts, Version};
use rigi_store::{ListedRun, Run};
use serde_json::{Map, Value};

use super::error::ApiResult;
use super::flows;
use super::scope::Scope;

/// What stands for a value that nobody is shown.
pub const MASK: &str = "***";

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Runs as lists show them.
pub async fn summaries(scope: &Scope, runs: &[ListedRun]) -> Vec<RunSummary> {
    let open: Vec<RunId> =
        runs.iter().filter(|run| !run.status.state.is_terminal()).map(|run| run.id.clone()).collect();
    let looks = if open.is_empty() { HashMap::new() } else { scope.engine.look(open).await };
    let brief = |run: &ListedRun| {
        let mut summary = summary(run, looks.get(&run.id));
        let is_quote = run.status.reason == Some(Reason::ExitCode);
        let shorten = if is_quote { first_line } else { first_words };
        summary.message = summary.message.map(|message| shorten(&message));
        summary
    };
    runs.iter().map(brief).collect()
}

/// Characters of a message in a list at most.
const MOST_WORDS: usize = 140;

/// The first sentence of a message, or as much of it as a line of a list has room for; the rest is in the run itself.
fn first_words(message: &str) -> String {
    let line = message.trim().lines().next().unwrap_or_default().trim_end();
    cut_line(line.split_once(". ").map_or(line, |(first, _)| first))
}

/// The same of what a program said: what looks like the end of a sentence there need be none.
fn first_line(message: &str) -> String {
    cut_line(message.trim().lines().next().unwrap_or_default().trim_end())
}

fn cut_line(sentence: &str) -> String {
    let Some((end, _)) = sentence.char_indices().nth(MOST_WORDS) else { return sentence.to_owned() };
    let cut = &sentence[..end];
    let at_word = cut.rfind(' ').filter(|space| *space > end / 2).unwrap_or(end);
    format!("{}…", cut[..at_word].trim_end_matches([' ', ',', ':', ';', '.']))
}

/// A run as lists show it.
#[must_use]
pub fn summary(run: &ListedRun, look: Option<&Look>) -> RunSummary {
    let status = &run.status;
    let (reason, message, queue) = waiting(run, look);
    let progress = look.and_then(|look| look.live.progress.as_ref());
    RunSummary {
        id: run.id.clone(),
        short: run.id.short().to_owned(),
        pipeline: run.pipeline.to_string(),
        state: status.state,
        reason: reason.map(|reason| reason.to_string()),
        message,
        queue,
        trigger: TriggerView { kind: run.trigger.kind.to_string(), by: run.trigger.by.to_string() },
        labels: (*run.labels).clone(),
        priority: run.priority,
        attempt: status.attempt,
        max_attempts: most_attempts(status, run.max_attempts),
        created_at: run.created_at,
        started_at: status.started_at,
        ended_at: status.ended_at,
        next_attempt_at: status.next_attempt_at,
        cancel_requested_at: status.cancel_requested_at,
        duration_ms: status.started_at.zip(status.ended_at).map(|(from, to)| millis(to.since(from))),
        progress: progress.map(|p| Progress { fraction: p.fraction, message: p.message.clone() }),
    }
}

/// How many attempts a run may have: as many as it was given, and those that its pipeline did not cost it.
fn most_attempts(status: &RunStatus, given: u32) -> u32 {
    // The current one may still go well, or did.
    let under_way = u32::from(!matches!(status.state, RunState::Queued | RunState::Retrying));
    let not_counted = status.attempt.saturating_sub(status.failures + under_way);
    given.saturating_add(not_counted).max(status.attempt)
}

/// Why a run is where it is: for a waiting one, what the board says right now.
fn waiting(run: &ListedRun, look: Option<&Look>) -> (Option<Reason>, Option<String>, Option<QueuePlace>) {
    let status = &run.status;
    let place = look.and_then(|look| look.place.as_ref()).filter(|_| status.state == RunState::Queued);
    let Some(place) = place else { return (status.reason, status.message.clone(), None) };
    let at = format!("{} of {}", ordinal(place.position), place.waiting);
    let (reason, message) = match &place.reason {
        WaitReason::Limit(of, most) => limited(of, *most, &at),
        WaitReason::Quota { of, most, used, needs } => {
            (Reason::ProjectQuota, format!("{at}, {}", short_of(of, *most, *used, *needs)))
        }
        WaitReason::Disk => {
            (Reason::DiskFull, format!("{at}, the disk of the data folder is full or read-only"))
        }
        WaitReason::Turn => (Reason::Queued, at),
    };
    let limit = match place.reason {
        WaitReason::Limit(_, most) => Some(most),
        WaitReason::Quota { .. } | WaitReason::Disk | WaitReason::Turn => None,
    };
    let queue = QueuePlace { position: place.position, waiting: place.waiting, limit };
    (Some(reason), Some(message), Some(queue))
}

/// A run that waits for a limit.
fn limited(of: &LimitOf, most: u64, at: &str) -> (Reason, String) {
    match of {
        LimitOf::Pipeline(..) => (Reason::PipelineLimit, format!("{at}, limit of {most} at a time")),
        LimitOf::Key(_, key) => {
            let key = key.split_once('/').map_or(&**key, |(_, key)| key);
            let of = if key.is_empty() { String::new() } else { format!(" of `{key}`") };
            (Reason::KeyLimit, format!("{at}, limit of {most}{of} at a time"))
        }
        LimitOf::Project(_) | LimitOf::Cpu(_) | LimitOf::Memory(_) => {
            (Reason::ProjectLimit, format!("{at}, all {most} places of the project are taken"))
        }
        LimitOf::Target(target) => {
            (Reason::TargetLimit, format!("{at}, all {most} places of the target `{target}` are taken"))
        }
        LimitOf::Everything => (Reason::GlobalLimit, format!("{at}, all {most} places are taken")),
    }
}

/// What a run takes, and what its project has left of it.
fn short_of(of: &LimitOf, most: u64, used: u64, needs: u64) -> String {
    let (show, what): (fn(u64) -> String, _) = match of {
        LimitOf::Memory(_) => (show_bytes, "memory"),
        _ => (|thousandths| show_cpu(thousandths as f64 / 1000.0), "cpu"),
    };
    let (left, most) = (show(most.saturating_sub(used)), show(most));
    format!("needs {} of the project's {what}, and {left} of {most} are free", show(needs))
}

/// A run in full.
///
/// # Errors
/// If the database does not answer.
pub async fn view(scope: &Scope, run: &Run) -> ApiResult<RunView> {
    let id = &run.request.id;
    let version = scope.db().version(scope.project(), run.request.version).await.ok();
    // A guess is no reason to refuse what is known.
    let expected = scope.db().expected_us(scope.project(), &run.request.pipeline).await.ok().flatten();
    let look = match run.status.state.is_terminal() {
        true => None,
        false => scope.engine.look(vec![id.clone()]).await.remove(id),
    };
    let route = match run.status.state.is_terminal() {
        true => scope.db().route_of(id).await.ok().flatten(),
        false => None,
    };
    let (secrets, secrets_changed) = secrets(scope, run, version.as_ref()).await;
    let settings = scope.engine.settings();
    let db = scope.db();
    let step = run.request.step.as_ref().map(|step| StepPlace {
        flow: step.parent.clone(),
        step: step.name.clone(),
        item: step.item,
    });
    let approval = match &version {
        Some(version) if run.request.target == Target::FLOW => {
            flows::approval(scope, run, &version.spec).await?
        }
        _ => None,
    };
    // What follows is started when the run has ended.
    let started = match run.status.state.is_terminal() {
        true => db.links_from(id).await?.into_iter().map(|link| link.child).collect(),
        false => Vec::new(),
    };
    let started_by = match run.request.trigger.kind {
        TriggerKind::Downstream | TriggerKind::Restart | TriggerKind::Event => {
            db.link_to(id).await?.map(|link| link.parent)
        }
        _ => None,
    };
    Ok(RunView {
        step,
        started_by,
        started,
        flow: run.request.target == Target::FLOW
            && approval.is_none()
            && !run.request.env.contains_key(rigi_engine::flows::REUSED),
        approval,
        summary: summary(&run.into(), look.as_ref()),
        version: run.request.version.to_string(),
        git: version.as_ref().and_then(|version| git(version, run.request.env.get(COMMIT))),
        parameters: masked(version.as_ref().map(|v| &v.spec), &run.request.parameters),
        inputs: run.request.inputs.iter().map(input).collect(),
        env: given_env(run).map(|name| (name.clone(), MASK.to_owned())).collect(),
        secrets,
        secrets_changed,
        rerun_of: run.request.rerun_of.clone(),
        target: run.request.target.to_string(),
        environment: run.status.environment.as_ref().map(environment),
        exit_code: run.status.exit_code,
        signal: run.status.signal,
        route,
        usage: UsageView { cpu_ms: run.status.usage.cpu_us / 1000, max_memory: run.status.usage.max_memory },
        limits: version.as_ref().map(|v| limits(settings, &v.spec)).unwrap_or_default(),
        phases: phases(run, Timestamp::now()),
        expected_ms: expected.map(|us| us / 1000),
        log: log(run, look.as_ref()),
        artifacts: ArtifactSummary { count: run.status.artifacts.0, bytes: run.status.artifacts.1 },
        can: Actions {
            cancel: !run.status.state.is_terminal() && run.status.cancel_requested_at.is_none(),
            // A step is done again with its flow.
            retry: run.status.state.is_terminal() && run.request.step.is_none(),
        },
    })
}

/// Variables that somebody gave, and the schedule by which it goes and its times.
fn given_env(run: &Run) -> impl Iterator<Item = &String> {
    let shown = |name: &&String| {
        !is_reserved(name) || ["RIGI_SCHEDULE", "RIGI_DUE", "RIGI_DUE_PREVIOUS"].contains(&name.as_str())
    };
    run.request.env.keys().filter(shown)
}

/// Which secrets a run was given, and those of them that the run that it repeats was not given so.
async fn secrets(
    scope: &Scope,
    run: &Run,
    version: Option<&Version>,
) -> (BTreeMap<String, i64>, Vec<String>) {
    let asks = |version: &Version| !version.spec.secrets.is_empty() || !version.spec.encrypted_env.is_empty();
    if !version.is_some_and(asks) {
        return (BTreeMap::new(), Vec::new());
    }
    let given = scope.db().secrets_of(&run.request.id).await.unwrap_or_default();
    let Some(origin) = run.request.rerun_of.as_ref().filter(|_| !given.is_empty()) else {
        return (given, Vec::new());
    };
    let before = scope.db().secrets_of(origin).await.unwrap_or_default();
    // Nothing is known of one that never started, or is gone.
    let changed =
        given.iter().filter(|(name, version)| !before.is_empty() && before.get(*name) != Some(version));
    let changed = changed.map(|(name, _)| name.clone()).collect();
    (given, changed)
}

fn log(run: &Run, look: Option<&Look>) -> LogSummary {
    let lines =
        look.filter(|_| run.status.state.is_active()).map_or(run.status.log.lines, |l| l.live.log_lines);
    LogSummary { lines, cut_bytes: run.status.log.cut_bytes }
}

/// Parameters with the secret ones hidden.
#[must_use]
pub fn masked(spec: Option<&PipelineSpec>, parameters: &Map<String, Value>) -> Map<String, Value> {
    let secret: BTreeSet<String> = secret_parameters(spec.and_then(|spec| spec.parameters.as_ref()));
    let mask = |(name, value): (&String, &Value)| {
        let shown = if secret.contains(name) { Value::String(MASK.into()) } else { value.clone() };
        (name.clone(), shown)
    };
    parameters.iter().map(mask).collect()
}

/// Code of a repository is the same in many commits: a run says of which it was.
pub(super) fn git(version: &Version, commit: Option<&String>) -> Option<GitView> {
    let mut view = git_view(version.git.clone()?);
    if let Some(commit) = commit.filter(|commit| **commit != view.commit) {
        view.page = view.page.map(|page| page.replace(&view.commit, commit));
        view.commit.clone_from(commit);
    }
    Some(view)
}

/// Facts as they are shown.
pub(super) fn git_view(facts: GitFacts) -> GitView {
    let GitFacts { commit, branch, dirty, repository, page } = facts;
    GitView { commit, branch, dirty, repository, page }
}

pub(super) fn input(input: &rigi_store::RunInput) -> InputView {
    let (name, sha256) = (input.name.clone(), input.sha256.to_string());
    let dataset = input.dataset.clone();
    InputView { input: input.input.clone(), name, size: input.size, sha256, dataset }
}

fn environment(used: &rigi_model::run::EnvironmentUse) -> EnvironmentUse {
    EnvironmentUse { id: used.id.clone(), label: used.label.clone(), took_ms: used.took_us / 1000 }
}

fn limits(settings: &Settings, spec: &PipelineSpec) -> LimitsView {
    let limits = settings.limits_of(spec);
    LimitsView { cpu: limits.cpu, memory: limits.memory, timeout_ms: settings.timeout_of(spec).map(millis) }
}

fn phases(run: &Run, now: Timestamp) -> Phases {
    let status = &run.status;
    let mut queued_ms = status.queued_us / 1000;
    if matches!(status.state, RunState::Queued | RunState::Retrying) {
        queued_ms += millis(now.since(status.queued_at));
    }
    let preparing = status
        .claimed_at
        .map(|from| millis(status.started_at.or(status.ended_at).unwrap_or(now).since(from)));
    let running = status.started_at.zip(status.ended_at).map(|(from, to)| millis(to.since(from)));
    Phases { queued_ms, preparing_ms: preparing, running_ms: running }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_say_the_first_sentence() {
        let uv = "the environment cannot be built: No solution found. Because nope was not found in the registry …";
        assert_eq!(first_words(uv), "the environment cannot be built: No solution found");
        assert_eq!(first_words("exit 1"), "exit 1");
        assert_eq!(first_line("ValueError: 3. quarter: no rows"), "ValueError: 3. quarter: no rows");
        assert!(first_line(&"räume und ".repeat(70)).chars().count() <= MOST_WORDS + 1);
        assert_eq!(first_words("killed: over 1.5 GiB of memory"), "killed: over 1.5 GiB of memory");
        assert_eq!(first_words("first line\nsecond line"), "first line");
        let long = first_words(&"räume und ".repeat(70));
        assert!(long.chars().count() <= MOST_WORDS + 1 && long.ends_with("und…"), "{long}");
        assert_eq!(first_words(&"x".repeat(700)).chars().count(), MOST_WORDS + 1);
        assert_eq!(first_words(""), "");
    }

    #[test]
    fn no_attempt_is_beyond_the_last() {
        let most = |state, attempt, failures, given| {
            let status = RunStatus { state, attempt, failures, ..RunStatus::accepted(Timestamp(0)) };
            most_attempts(&status, given)
        };
        // As it was given, while the infrastructure costs nothing.
        assert_eq!(most(RunState::Queued, 0, 0, 3), 3);
        assert_eq!(most(RunState::Running, 1, 0, 3), 3);
        assert_eq!(most(RunState::Retrying, 2, 2, 3), 3);
        assert_eq!(most(RunState::Failed, 3, 3, 3), 3);
        assert_eq!(most(RunState::Succeeded, 2, 1, 3), 3);
        // Each that it cost is one more.
        assert_eq!(most(RunState::Retrying, 1, 0, 1), 2);
        assert_eq!(most(RunState::Running, 2, 0, 1), 2);
        assert_eq!(most(RunState::Succeeded, 4, 0, 1), 4);
        assert_eq!(most(RunState::Failed, 4, 1, 1), 4);
        assert_eq!(most(RunState::Failed, 4, 0, 1), 4);
        assert_eq!(most(RunState::Retrying, 3, 1, 2), 4);
    }
}
