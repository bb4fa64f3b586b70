//! Followers of what changes, as they come and go while runs change: none is told an older state after a newer one, and
//! each is told the last one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rigi_api::view::RunSummary;
use rigi_engine::{Pulse, PulseKind};
use rigi_model::{ProjectName, RunId};
use rigi_store::{Commit, Result};
use serde_json::json;
use tokio::sync::broadcast;
use tokio::time::timeout;

use super::changes::{Changes, Happenings, Missed};
use super::feed::{Feed, Wants, batch};
use super::listener::Listening;
use super::sse::Listener;

const PATIENCE: Duration = Duration::from_secs(60);

/// A cheap source of chance: the same seed, the same run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// A database in memory: which change of each run is its newest, and the run of each event.
struct World {
    runs: BTreeMap<RunId, u32>,
    events: Vec<RunId>,
    chance: Chance,
}

/// The world, and how it tells what happens in it.
struct Model {
    project: ProjectName,
    world: Mutex<World>,
    commits: broadcast::Sender<Commit>,
    pulses: broadcast::Sender<Pulse>,
    pipelines: broadcast::Sender<String>,
}

fn view((run, change): (&RunId, &u32)) -> RunSummary {
    let view = json!({
        "id": run, "short": run.short(), "pipeline": "a", "state": "running", "trigger": { "kind": "manual", "by": "you" },
        "labels": {}, "priority": 0, "attempt": change, "max_attempts": 1, "created_at": "2026-01-01T00:00:00Z",
    });
    serde_json::from_value(view).unwrap()
}

impl Model {
    fn new(runs: usize, seed: u64) -> Arc<Self> {
        let runs = (0..runs).map(|_| (RunId::generate(), 0)).collect();
        let world = Mutex::new(World { runs, events: Vec::new(), chance: Chance(seed) });
        let (commits, pulses, pipelines) =
            (broadcast::Sender::new(1024), broadcast::Sender::new(1024), broadcast::Sender::new(8));
        Arc::new(Self { project: ProjectName::default(), world, commits, pulses, pipelines })
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn run(&self, number: usize) -> RunId {
        self.world().runs.keys().nth(number).unwrap().clone()
    }

    /// A question and its answer take a while, in which others are at work.
    async fn on_the_way(&self) {
        let steps = self.world().chance.below(12);
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
    }

    /// Changes these runs; what is returned is to be announced.
    fn commit(&self, runs: Vec<RunId>) -> Commit {
        let mut world = self.world();
        for run in &runs {
            *world.runs.get_mut(run).unwrap() += 1;
        }
        world.events.extend(runs.iter().cloned());
        Commit { last_event: world.events.len() as i64, runs: runs.into(), others: Arc::default() }
    }

    fn progress(&self, run: RunId) {
        let _ = self.pulses.send(Pulse { run, attempt: 1, what: PulseKind::Progress });
    }
}

impl Changes for Model {
    fn project(&self) -> &ProjectName {
        &self.project
    }

    fn happenings(&self) -> Happenings {
        Happenings {
            commits: self.commits.subscribe(),
            pulses: self.pulses.subscribe(),
            pipelines: self.pipelines.subscribe(),
        }
    }

    fn newest(&self) -> BoxFuture<'_, Result<i64>> {
        async {
            self.on_the_way().await;
            let newest = self.world().events.len() as i64;
            self.on_the_way().await;
            Ok(newest)
        }
        .boxed()
    }

    fn missed<'a>(&'a self, after: i64, only: Option<&'a RunId>) -> BoxFuture<'a, Result<Missed>> {
        async move {
            self.on_the_way().await;
            let missed = {
                let world = self.world();
                let since = &world.events[after as usize..];
                let is_wanted = |run: &RunId| since.contains(run) && only.is_none_or(|only| only == run);
                let runs = world.runs.iter().filter(|(run, _)| is_wanted(run)).map(view).collect();
                Missed { newest: world.events.len() as i64, runs: Some(runs), others: Vec::new() }
            };
            self.on_the_way().await;
            Ok(missed)
        }
        .boxed()
    }

    fn views(&self, runs: Vec<RunId>) -> BoxFuture<'_, Result<Vec<RunSummary>>> {
        async move {
            self.on_the_way().await;
            let views = self.world().runs.iter().filter(|(run, _)| runs.contains(run)).map(view).collect();
            self.on_the_way().await;
            Ok(views)
        }
        .boxed()
    }

    fn some_waiting(&self, _: usize) -> BoxFuture<'_, Vec<RunId>> {
        async { Vec::new() }.boxed()
    }
}

/// What one was told of each run, and the last id.
#[derive(Default)]
struct Heard {
    told: BTreeMap<RunId, u32>,
    id: Option<i64>,
}

impl Heard {
    /// Takes what is told together; returns how many runs it is about.
    fn take(&mut self, bytes: &Bytes) -> usize {
        let mut runs = 0;
        for event in std::str::from_utf8(bytes).unwrap().split_terminator("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            if field("event: ") == Some("run") {
                let run: RunSummary = serde_json::from_str(field("data: ").unwrap()).unwrap();
                let before = self.told.insert(run.id.clone(), run.attempt).unwrap_or(0);
                assert!(before <= run.attempt, "{}: {before}, then {}", run.id, run.attempt);
                runs += 1;
            }
            assert_ne!(field("event: "), Some("reset"), "nothing here is too much");
            self.id = field("id: ").map(|id| id.parse().unwrap()).or(self.id);
        }
        runs
    }
}

async fn hear(one: &mut Listening, heard: &mut Heard) -> usize {
    let bytes = timeout(PATIENCE, one.next()).await.expect("a follower waits in vain").unwrap();
    heard.take(&bytes)
}

/// Follows until it was told the last of everything, breaking off and coming back now and then, and being slow.
async fn follower(model: Arc<Model>, feed: Feed, wants: Wants, last: u32, mut chance: Chance) {
    let mut heard = Heard { id: Some(0), ..Heard::default() };
    let wanted = if matches!(wants, Wants::All { .. }) { model.world().runs.len() } else { 1 };
    let all = |heard: &Heard| heard.told.len() == wanted && heard.told.values().all(|change| *change == last);
    while !all(&heard) {
        let mut one = feed.listen(model.clone(), wants.clone(), heard.id);
        for _ in 0..1 + chance.below(60) {
            hear(&mut one, &mut heard).await;
            if all(&heard) {
                break;
            }
            for _ in 0..if chance.below(30) == 0 { chance.below(300) } else { chance.below(4) } {
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn one_history(seed: u64) {
    let mut chance = Chance(seed);
    let last = 30 + chance.below(60) as u32;
    let model = Model::new(1 + chance.below(6) as usize, chance.below(u64::MAX));
    let feed = Feed::default();
    let mut followers = tokio::task::JoinSet::new();
    for number in 0..1 + chance.below(6) {
        let wants = match number {
            0 => Wants::Run(model.run(0)),
            _ => Wants::All { usage: None },
        };
        let own = Chance(chance.below(u64::MAX));
        followers.spawn(follower(model.clone(), feed.clone(), wants, last, own));
    }
    loop {
        let open = |(run, change): (&RunId, &u32)| (*change < last).then(|| run.clone());
        let open: Vec<RunId> = model.world().runs.iter().filter_map(open).collect();
        let Some(first) = open.get(chance.below(open.len().max(1) as u64) as usize) else { break };
        let mut runs: Vec<RunId> = open.iter().filter(|_| chance.below(4) == 0).cloned().collect();
        if runs.is_empty() {
            runs.push(first.clone());
        }
        if chance.below(2) == 0 {
            model.progress(first.clone());
            model.on_the_way().await;
        }
        let commit = model.commit(runs);
        // It is durable, and may be read, a moment before it is announced.
        model.on_the_way().await;
        let _ = model.commits.send(commit);
        model.on_the_way().await;
        if chance.below(2) == 0 {
            tokio::time::advance(Duration::from_millis(chance.below(60))).await;
        }
    }
    while let Some(done) = followers.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_an_older_state_after_a_newer_one() {
    for seed in 0..100 {
        one_history(seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_only_told_reaches_one_who_came_when_nothing_changes_any_more() {
    let model = Model::new(1, 1);
    let run = model.run(0);
    model.commit(vec![run.clone()]);
    let (feed, mut heard) = (Feed::default(), Heard { id: Some(0), ..Heard::default() });
    let mut one = feed.listen(model.clone(), Wants::Run(run.clone()), heard.id);
    assert_eq!(hear(&mut one, &mut heard).await, 1, "what it has missed");
    for _ in 0..3 {
        model.progress(run.clone());
        assert_eq!(hear(&mut one, &mut heard).await, 1);
    }
    assert_eq!(heard.id, Some(1), "progress is no event of the database");
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_is_not_told_after_catching_up() {
    let model = Model::new(2, 1);
    let (one_run, other) = (model.run(0), model.run(1));
    model.commit(vec![one_run.clone()]);
    model.commit(vec![one_run.clone(), other.clone()]);
    let (feed, mut heard) = (Feed::default(), Heard { id: Some(0), ..Heard::default() });
    let mut one = feed.listen(model.clone(), Wants::All { usage: None }, heard.id);
    assert_eq!(hear(&mut one, &mut heard).await, 2, "what it has missed, up to the event 3");
    // One with a change, and one that tells of progress alone.
    feed.send(batch(vec![view((&one_run, &1))], 1, Some(1)));
    feed.send(batch(vec![view((&one_run, &1))], 1, None));
    // As it was right then, and later.
    feed.send(batch(vec![view((&one_run, &2))], 3, None));
    feed.send(batch(vec![view((&other, &2))], 4, Some(4)));
    assert_eq!(hear(&mut one, &mut heard).await, 1);
    assert_eq!(hear(&mut one, &mut heard).await, 1);
    assert_eq!((heard.told[&one_run], heard.told[&other], heard.id), (2, 2, Some(4)));
}
