use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::retry::RetryStrategy;

const T: Timestamp = Timestamp(1_000_000);

fn policy(attempts: u32) -> RetryPolicy {
    let strategy = RetryStrategy::FixedDelay { delay: Duration::from_secs(10) };
    RetryPolicy { attempts, strategy, jitter: 0.0 }
}

fn ended(attempt: u32, exit: Exit) -> Happening {
    let (usage, log) = (Usage::default(), LogFacts::default());
    Happening::Ended {
        attempt,
        exit,
        started_at: None,
        usage,
        log,
        artifacts: (0, 0),
        log_bytes: 0,
        left: None,
        quote: None,
    }
}

struct Life {
    run: RunId,
    status: RunStatus,
    policy: RetryPolicy,
}

impl Life {
    fn new(attempts: u32) -> Self {
        Self { run: RunId::from_bits(1), status: RunStatus::accepted(T), policy: policy(attempts) }
    }

    fn meets(&mut self, what: Happening) -> Result<Outcome, Illegal> {
        fold(&self.run, &mut self.status, &self.policy, what, T.after(Duration::from_secs(1)), 0.5)
    }

    fn running(attempts: u32) -> Self {
        let mut life = Self::new(attempts);
        life.meets(Happening::Claimed).unwrap();
        life.meets(Happening::Started { attempt: 1 }).unwrap();
        life
    }
}

#[test]
fn a_good_run_goes_through_its_states_and_counts_its_wait() {
    let mut life = Life::running(0);
    assert_eq!(life.status.state, RunState::Running);
    assert_eq!(life.status.queued_us, 1_000_000);
    let outcome = life.meets(ended(1, Exit::Code { code: 0 })).unwrap();
    assert_eq!(life.status.state, RunState::Succeeded);
    assert_eq!(outcome.attempt.unwrap().state, AttemptState::Succeeded);
    assert_eq!(outcome.events[0].kind, "succeeded");
}

#[test]
fn an_old_attempt_is_not_believed() {
    let mut life = Life::running(1);
    life.meets(ended(1, Exit::Code { code: 1 })).unwrap();
    assert_eq!(life.status.state, RunState::Retrying);
    life.meets(Happening::Due).unwrap();
    life.meets(Happening::Claimed).unwrap();
    assert!(life.meets(ended(1, Exit::Code { code: 0 })).is_err());
    assert_eq!(life.status.state, RunState::Starting);
}

#[test]
fn retries_end_with_the_last_attempt() {
    let mut life = Life::running(1);
    life.meets(ended(1, Exit::Code { code: 3 })).unwrap();
    assert_eq!(life.status.next_attempt_at, Some(T.after(Duration::from_secs(11))));
    life.meets(Happening::Due).unwrap();
    life.meets(Happening::Claimed).unwrap();
    life.meets(ended(2, Exit::Code { code: 4 })).unwrap();
    assert_eq!((life.status.state, life.status.exit_code), (RunState::Failed, Some(4)));
    assert_eq!(life.status.message.as_deref(), Some("exit 4"));
}

#[test]
fn each_attempt_says_why_it_failed() {
    let says = |attempt, words: &str| {
        let Happening::Ended { exit, started_at, usage, log, artifacts, log_bytes, left, .. } =
            ended(attempt, Exit::Code { code: 1 })
        else {
            unreachable!()
        };
        let quote = Some(words.to_owned());
        Happening::Ended { attempt, exit, started_at, usage, log, artifacts, log_bytes, left, quote }
    };
    let mut life = Life::running(1);
    let first = life.meets(says(1, "ValueError: one")).unwrap();
    assert_eq!(first.attempt.unwrap().message.as_deref(), Some("ValueError: one"));
    assert_eq!(life.status.message.as_deref(), Some("ValueError: one"));
    life.meets(Happening::Due).unwrap();
    life.meets(Happening::Claimed).unwrap();
    let second = life.meets(says(2, "ValueError: two")).unwrap();
    assert_eq!(second.attempt.unwrap().message.as_deref(), Some("ValueError: two"));
    let status = life.status;
    assert_eq!(
        (status.state, status.reason, status.exit_code),
        (RunState::Failed, Some(Reason::ExitCode), Some(1))
    );
    assert_eq!(status.message.as_deref(), Some("ValueError: two"));
}

#[test]
fn a_cancel_never_ends_in_a_retry() {
    let mut life = Life::running(5);
    life.meets(Happening::CancelRequested { by: Actor::you() }).unwrap();
    assert_eq!(life.status.state, RunState::Running);
    life.meets(ended(1, Exit::Signal { signal: 9 })).unwrap();
    assert_eq!(life.status.state, RunState::Cancelled);

    let mut waiting = Life::new(0);
    waiting.meets(Happening::CancelRequested { by: Actor::you() }).unwrap();
    assert_eq!(waiting.status.state, RunState::Cancelled);
    assert!(waiting.meets(Happening::Claimed).is_err());
}

#[test]
fn a_lost_attempt_is_repeated_at_nobodys_cost() {
    let mut life = Life::running(0);
    for attempt in 1..=3 {
        life.meets(ended(attempt, Exit::Lost { message: "gone".into() })).unwrap();
        assert_eq!(life.status.state, RunState::Retrying, "attempt {attempt}");
        life.meets(Happening::Due).unwrap();
        life.meets(Happening::Claimed).unwrap();
    }
    life.meets(ended(4, Exit::Lost { message: "gone".into() })).unwrap();
    assert_eq!((life.status.state, life.status.failures), (RunState::Failed, 0));
}

#[test]
fn a_start_that_cannot_work_is_not_repeated() {
    let mut life = Life::new(5);
    life.meets(Happening::Claimed).unwrap();
    let exit = Exit::NotStarted {
        class: FailureClass::User,
        reason: Reason::EnvironmentFailed,
        message: "there is no package `nope`".into(),
    };
    life.meets(ended(1, exit)).unwrap();
    assert_eq!((life.status.state, life.status.reason), (RunState::Failed, Some(Reason::EnvironmentFailed)));
}

fn any_exit() -> impl Strategy<Value = Exit> {
    let class = prop_oneof![
        Just(FailureClass::User),
        Just(FailureClass::Transient),
        Just(FailureClass::Infrastructure),
        Just(FailureClass::Lost),
    ];
    prop_oneof![
        3 => (0..3i32).prop_map(|code| Exit::Code { code }),
        1 => (1..32i32).prop_map(|signal| Exit::Signal { signal }),
        1 => any::<Option<u64>>().prop_map(|limit| Exit::OutOfMemory { limit }),
        1 => any::<u64>().prop_map(|limit| Exit::LimitExceeded { what: "processes".into(), limit }),
        1 => any::<u64>().prop_map(|limit_us| Exit::TimedOut { limit_us }),
        1 => Just(Exit::Stopped),
        1 => class.prop_map(|class| Exit::NotStarted { class, reason: Reason::StagingFailed, message: "no".into() }),
        1 => Just(Exit::Lost { message: "gone".into() }),
    ]
}

fn any_happening() -> impl Strategy<Value = Happening> {
    let attempt = 0..6u32;
    let environment = |took_us| EnvironmentUse { id: "e".into(), label: "Python".into(), took_us };
    let (reason, message) = (Reason::PreparingEnvironment, String::new());
    prop_oneof![
        3 => Just(Happening::Claimed),
        1 => Just(Happening::GivenBack),
        2 => Just(Happening::Due),
        1 => Just(Happening::CancelRequested { by: Actor::named("x") }),
        1 => attempt.clone().prop_map(move |attempt| {
            Happening::Preparing { attempt, reason, message: message.clone() }
        }),
        1 => (attempt.clone(), 0..2u64).prop_map(move |(attempt, took)| {
            Happening::Prepared { attempt, environment: environment(took) }
        }),
        3 => attempt.clone().prop_map(|attempt| Happening::Started { attempt }),
        6 => (attempt, any_exit()).prop_map(|(attempt, exit)| ended(attempt, exit)),
    ]
}

/// The table of transitions: where a run may be after this, or nothing if it does not fit where it is.
fn allowed(before: &RunStatus, what: &Happening) -> &'static [RunState] {
    use RunState::{Cancelled, Failed, Queued, Retrying, Running, Starting, Succeeded, TimedOut};
    let current = |attempt: &u32| *attempt == before.attempt;
    match (before.state, what) {
        (Queued, Happening::Claimed) => &[Starting],
        (Starting, Happening::GivenBack) => &[Queued],
        (Starting, Happening::Preparing { attempt, .. } | Happening::Prepared { attempt, .. })
            if current(attempt) =>
        {
            &[Starting]
        }
        (Starting, Happening::Started { attempt }) if current(attempt) => &[Running],
        (Starting | Running, Happening::Ended { attempt, .. }) if current(attempt) => {
            &[Succeeded, Failed, Cancelled, TimedOut, Retrying]
        }
        (_, Happening::CancelRequested { .. }) if before.cancel_requested_at.is_some() => &[],
        (Queued | Retrying, Happening::CancelRequested { .. }) => &[Cancelled],
        (Starting, Happening::CancelRequested { .. }) => &[Starting],
        (Running, Happening::CancelRequested { .. }) => &[Running],
        (Retrying, Happening::Due) => &[Queued],
        _ => &[],
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn whatever_happens_only_the_moves_of_the_table_are_made(
        happenings in prop::collection::vec(any_happening(), 0..60),
    ) {
        let mut life = Life::new(2);
        for what in happenings {
            let (before, allowed) = (life.status.clone(), allowed(&life.status, &what));
            let outcome = life.meets(what.clone());
            let (from, to) = (before.state, life.status.state);
            prop_assert_eq!(outcome.is_ok(), !allowed.is_empty(), "{:?} in {}", what, from);
            if outcome.is_err() {
                prop_assert_eq!(&before, &life.status);
                continue;
            }
            prop_assert!(allowed.contains(&to), "{from} to {to} by {what:?}");
            prop_assert!(from == to || from.may_become(to), "{from} to {to}");
            prop_assert!(!from.is_terminal());
            let step = i64::from(life.status.attempt) - i64::from(before.attempt);
            let expected = match what { Happening::Claimed => 1, Happening::GivenBack => -1, _ => 0 };
            prop_assert_eq!(step, expected);
        }
    }

    #[test]
    fn a_status_always_says_what_its_state_must_say(
        happenings in prop::collection::vec(any_happening(), 0..60),
    ) {
        let mut life = Life::new(2);
        for what in happenings {
            let (state, is_end) = (life.status.state, matches!(what, Happening::Ended { .. }));
            let Ok(outcome) = life.meets(what) else { continue };
            let status = &life.status;
            prop_assert_eq!(status.ended_at.is_some(), status.state.is_terminal());
            prop_assert_eq!(status.next_attempt_at.is_some(), status.state == RunState::Retrying);
            prop_assert!(status.attempt >= status.failures);
            prop_assert_eq!(outcome.attempt.is_some(), is_end);
            prop_assert_eq!(outcome.events.is_empty() && status.state != state, false);
            let silent = [RunState::Starting, RunState::Running, RunState::Succeeded].contains(&status.state);
            prop_assert!(silent || status.reason.is_some(), "{} says no reason", status.state);
            if let Some(record) = outcome.attempt {
                prop_assert_eq!(record.number, status.attempt);
                prop_assert!(record.state.is_terminal());
            }
        }
    }

    #[test]
    fn attempts_are_repeated_as_often_as_their_class_allows(
        retries in 0..4u32,
        exits in prop::collection::vec(any_exit(), 1..40),
        cancel_at in prop::option::of(0..10usize),
    ) {
        let mut life = Life::new(retries);
        let (mut own, mut others) = (0, 0);
        for (index, exit) in exits.into_iter().enumerate() {
            life.meets(Happening::Claimed).unwrap();
            let cancelled = cancel_at == Some(index);
            if cancelled {
                life.meets(Happening::CancelRequested { by: Actor::named("x") }).unwrap();
            }
            let class = exit.class();
            let hopeless = class == Some(FailureClass::User) && matches!(exit, Exit::NotStarted { .. });
            life.meets(ended(life.status.attempt, exit.clone())).unwrap();
            let state = life.status.state;
            if cancelled || exit == Exit::Stopped {
                prop_assert_eq!(state, RunState::Cancelled);
                break;
            }
            let again = match class {
                None => {
                    prop_assert_eq!(state, RunState::Succeeded);
                    break;
                }
                Some(FailureClass::User) => {
                    own += 1;
                    own <= retries && !hopeless
                }
                Some(_) => {
                    others += 1;
                    others <= INFRASTRUCTURE_RETRIES
                }
            };
            prop_assert_eq!(life.status.failures, own);
            if !again {
                let timed_out = matches!(exit, Exit::TimedOut { .. });
                prop_assert_eq!(state, if timed_out { RunState::TimedOut } else { RunState::Failed });
                break;
            }
            prop_assert_eq!(state, RunState::Retrying);
            prop_assert!(life.status.next_attempt_at > Some(T));
            life.meets(Happening::Due).unwrap();
        }
        prop_assert!(life.status.attempt <= retries + 1 + INFRASTRUCTURE_RETRIES);
    }

    #[test]
    fn a_given_back_attempt_leaves_no_trace(exits in prop::collection::vec(any_exit(), 0..3)) {
        let mut life = Life::new(2);
        for exit in exits {
            if life.meets(Happening::Claimed).is_ok() {
                life.meets(ended(life.status.attempt, exit)).unwrap();
                let _ = life.meets(Happening::Due);
            }
        }
        let before = life.status.clone();
        if life.meets(Happening::Claimed).is_ok() {
            life.meets(Happening::GivenBack).unwrap();
            prop_assert_eq!((life.status.state, life.status.attempt), (before.state, before.attempt));
            prop_assert_eq!(life.status.failures, before.failures);
            life.meets(Happening::Claimed).unwrap();
            prop_assert_eq!(life.status.attempt, before.attempt + 1);
        }
    }

    #[test]
    fn ends_and_keys_read_back(exit in any_exit(), bits in any::<u128>(), number in any::<u32>()) {
        let text = serde_json::to_string(&exit).unwrap();
        prop_assert_eq!(serde_json::from_str::<Exit>(&text).unwrap(), exit);
        let key = crate::AttemptKey { run: RunId::from_bits(bits), number };
        let text = serde_json::to_string(&key).unwrap();
        prop_assert_eq!(&serde_json::from_str::<crate::AttemptKey>(&text).unwrap(), &key);
        prop_assert_eq!(key.run.as_str().parse::<RunId>().unwrap(), key.run);
    }
}
