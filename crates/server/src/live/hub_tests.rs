//! Followers of a hub, as they come and go while lines are written and attempts end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rigi_model::log::{Stream, Unfinished};
use rigi_model::{RunState, Timestamp};
use rigi_store::logs::{Bounds, LogLine, LogPart};
use tokio::time::timeout;

use super::follower::{Attempts, Follower};
use super::hub::{Hub, LogPlace, Origin, Standing};
use super::sse::Listener;

const PATIENCE: Duration = Duration::from_secs(60);

/// A run's log in memory: lines of each attempt, and where the run stands.
#[derive(Clone)]
struct Model(Arc<Mutex<State>>);

struct State {
    attempts: Vec<u64>,
    standing: Standing,
    reads: usize,
}

fn text(attempt: u32, n: u64) -> String {
    format!("{attempt}/{n} {}", "y".repeat((n % 50) as usize))
}

impl Model {
    fn new() -> Self {
        let standing = Standing { attempt: 1, state: RunState::Running };
        Self(Arc::new(Mutex::new(State { attempts: vec![0], standing, reads: 0 })))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// What a follower from a place on must be told, once all is over.
    fn expected(&self, from: LogPlace) -> Vec<String> {
        let state = self.state();
        let mut told = Vec::new();
        for (attempt, lines) in (1..).zip(&state.attempts) {
            if attempt > from.attempt {
                told.push(format!("-> {attempt}"));
            }
            let first = if attempt == from.attempt { from.line } else { 1 };
            if attempt >= from.attempt {
                told.extend((first..=*lines).map(|n| text(attempt, n)));
            }
        }
        told
    }
}

impl Origin for Model {
    fn standing(&self) -> BoxFuture<'_, rigi_store::Result<Standing>> {
        async {
            tokio::task::yield_now().await;
            Ok(self.state().standing)
        }
        .boxed()
    }

    fn read(&self, attempt: u32, from: u64, most: Bounds) -> BoxFuture<'_, rigi_store::Result<LogPart>> {
        async move {
            tokio::task::yield_now().await;
            let mut state = self.state();
            state.reads += 1;
            let total = state.attempts.get(attempt as usize - 1).copied().unwrap_or(0);
            let last = total.min(from + most.lines as u64 - 1);
            let line = |number| LogLine {
                number,
                at: Timestamp(number as i64),
                stream: Stream::Stdout,
                text: text(attempt, number).into_bytes(),
                continues: false,
            };
            let lines = (from..=last).map(line).collect();
            Ok(LogPart { lines, end: (last == total || from > total).then_some(total + 1) })
        }
        .boxed()
    }
}

/// What one was told, and the last id.
#[derive(Default)]
struct Heard {
    told: Vec<String>,
    id: Option<LogPlace>,
    ended: bool,
}

impl Heard {
    fn take(&mut self, bytes: &Bytes) {
        for event in std::str::from_utf8(bytes).unwrap().split_terminator("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            let Some(kind) = field("event: ") else { continue };
            let data = field("data: ").unwrap();
            if let Some((attempt, line)) = field("id: ").and_then(|id| id.split_once('.')) {
                let line: u64 = line.parse().unwrap();
                self.id = Some(LogPlace { attempt: attempt.parse().unwrap(), line: line + 1 });
            }
            match kind {
                "lines" => {
                    // Nothing in these lines is escaped.
                    let texts = data.split("\"text\":\"").skip(1);
                    self.told.extend(texts.map(|rest| rest.split('"').next().unwrap().to_owned()));
                }
                "attempt" => self.told.push(data.replace("{\"attempt\":", "-> ").replace('}', "")),
                _ => self.ended = true,
            }
        }
    }
}

/// A cheap source of chance: the same seed, the same run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

fn follow(hub: &Arc<Hub>, place: LogPlace) -> Follower {
    Follower::new(hub.clone(), hub.subscribe(), place, Attempts::On)
}

/// A hub at work on a log that is empty.
fn running() -> (Model, Arc<Hub>, tokio::task::JoinHandle<()>) {
    let model = Model::new();
    let standing = model.state().standing;
    let hub = Hub::new(Box::new(model.clone()), standing);
    let task = hub.clone();
    let running = tokio::spawn(async move { task.run(|| false).await });
    (model, hub, running)
}

/// Follows to the end, breaking off and coming back now and then, and being slow.
async fn follower(hub: Arc<Hub>, model: Model, from: LogPlace, mut chance: Chance) {
    let (mut heard, mut place) = (Heard::default(), from);
    while !heard.ended {
        let mut one = follow(&hub, place);
        let events = 1 + chance.below(40);
        for _ in 0..events {
            let Some(bytes) = timeout(PATIENCE, one.next()).await.expect("a follower waits in vain") else {
                break;
            };
            heard.take(&bytes);
            let slow = if chance.below(20) == 0 { chance.below(300) } else { chance.below(4) };
            for _ in 0..slow {
                tokio::task::yield_now().await;
            }
        }
        // Comes back behind the last id.
        place = heard.id.unwrap_or(from);
    }
    assert_eq!(heard.told, model.expected(from));
}

async fn one_history(seed: u64) {
    let mut chance = Chance(seed);
    let (model, hub, running) = running();
    // Somebody always follows: the hub stays.
    let _stays = hub.subscribe();
    let mut followers = tokio::task::JoinSet::new();
    let attempts = 1 + chance.below(3) as u32;
    for attempt in 1..=attempts {
        for _ in 0..20 + chance.below(60) {
            let burst = if chance.below(30) == 0 { chance.below(3000) } else { chance.below(5) };
            *model.state().attempts.last_mut().unwrap() += burst;
            hub.grew();
            if chance.below(6) == 0 {
                let line = 1 + chance.below(model.state().attempts[attempt as usize - 1] + 3);
                let own = Chance(chance.below(u64::MAX));
                followers.spawn(follower(hub.clone(), model.clone(), LogPlace { attempt, line }, own));
            }
            for _ in 0..chance.below(6) {
                tokio::task::yield_now().await;
            }
        }
        // The last lines come with the end, told as one change.
        *model.state().attempts.last_mut().unwrap() += chance.below(3);
        let last = attempt == attempts;
        model.state().standing.state = if last { RunState::Failed } else { RunState::Retrying };
        hub.changed();
        tokio::task::yield_now().await;
        if !last {
            let mut state = model.state();
            state.attempts.push(0);
            state.standing = Standing { attempt: attempt + 1, state: RunState::Running };
            drop(state);
            hub.changed();
        }
    }
    while let Some(done) = followers.join_next().await {
        done.unwrap();
    }
    // One who comes when all is over.
    follower(hub.clone(), model.clone(), LogPlace { attempt: 1, line: 1 }, Chance(seed)).await;
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn each_line_comes_once_in_order_whoever_comes_and_goes() {
    for seed in 0..40 {
        one_history(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_line_comes_once_in_order_on_several_threads() {
    for seed in 1000..1020 {
        one_history(seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_grown_is_read_once_for_all() {
    let (model, hub, _) = running();
    let mut all: Vec<_> = (0..100).map(|_| follow(&hub, LogPlace { attempt: 1, line: 1 })).collect();
    for round in 1..=50u64 {
        model.state().attempts[0] += 3;
        hub.grew();
        let mut first: Option<Bytes> = None;
        for one in &mut all {
            let bytes = timeout(PATIENCE, one.next()).await.unwrap().unwrap();
            let same = first.get_or_insert_with(|| bytes.clone());
            assert_eq!(bytes.as_ptr(), same.as_ptr(), "the same bytes, not the same again");
        }
        if round > 1 {
            assert!(model.state().reads as u64 <= 2 * round, "{} reads", model.state().reads);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_attempt_alone_ends_with_it_and_a_closed_hub_ends_all() {
    let model = Model::new();
    model.state().attempts = vec![2, 1];
    model.state().standing = Standing { attempt: 2, state: RunState::Running };
    let hub = Hub::new(Box::new(model.clone()), model.state().standing);
    let mut one =
        Follower::new(hub.clone(), hub.subscribe(), LogPlace { attempt: 1, line: 2 }, Attempts::One);
    let mut heard = Heard::default();
    while let Some(bytes) = one.next().await {
        heard.take(&bytes);
    }
    assert_eq!((heard.told, heard.ended), (vec![text(1, 2)], true));
    let mut other = follow(&hub, LogPlace { attempt: 2, line: 2 });
    assert!(timeout(Duration::from_secs(1), other.next()).await.is_err(), "there is nothing yet");
    hub.close();
    assert_eq!(other.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_log_says_that_it_is_still_followed() {
    let (model, hub, _) = running();
    let mut one = follow(&hub, LogPlace { attempt: 1, line: 1 });
    let begin = tokio::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(one.next().await.unwrap(), super::sse::STILL_HERE);
    }
    assert_eq!(begin.elapsed().as_secs(), 90);
    assert!(model.state().reads <= 2, "{} reads while nothing happens", model.state().reads);
}

#[tokio::test(start_paused = true)]
async fn unfinished_lines_are_told_behind_the_last_line_and_to_those_who_come_later() {
    let (model, hub, _) = running();
    let lines = |text: &str| vec![Unfinished { stream: Stream::Stderr, text: text.to_owned() }];
    let event = |text: &str| {
        let line = if text.is_empty() {
            String::new()
        } else {
            format!("{{\"stream\":\"stderr\",\"text\":\"{text}\"}}")
        };
        format!("event: unfinished\ndata: {{\"attempt\":1,\"lines\":[{line}]}}\n\n")
    };
    let mut one = follow(&hub, LogPlace { attempt: 1, line: 1 });
    model.state().attempts[0] = 2;
    hub.grew();
    hub.stands(1, &lines("5 %"));
    let mut heard = Heard::default();
    heard.take(&one.next().await.unwrap());
    assert_eq!(heard.told, [text(1, 1), text(1, 2)]);
    assert_eq!(one.next().await.unwrap(), event("5 %"));
    let mut later = follow(&hub, LogPlace { attempt: 1, line: 3 });
    assert_eq!(later.next().await.unwrap(), event("5 %"));
    // What came in between is nothing to anybody, nor is what was known before.
    hub.stands(1, &lines("6 %"));
    hub.stands(1, &lines("7 %"));
    hub.stood(1, &lines("1 %"));
    assert_eq!(one.next().await.unwrap(), event("7 %"));
    hub.stands(1, &[]);
    assert_eq!(one.next().await.unwrap(), event(""));
    // Who never heard of one hears of no end of it.
    let mut last = follow(&hub, LogPlace { attempt: 1, line: 3 });
    assert!(timeout(Duration::from_secs(1), last.next()).await.is_err());
    // Those of an attempt end with it.
    hub.stands(1, &lines("99 %"));
    model.state().attempts.push(1);
    model.state().standing = Standing { attempt: 2, state: RunState::Running };
    hub.changed();
    let mut heard = Heard::default();
    while heard.told.last() != Some(&text(2, 1)) {
        heard.take(&one.next().await.unwrap());
    }
    assert!(timeout(Duration::from_secs(1), one.next()).await.is_err());
}
