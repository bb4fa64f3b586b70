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
    Happening::Ended { attempt, exit, started_at: None, usage, log, artifacts: (0, 0), log_bytes: 0 }
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
fn a_cancel_never_ends_in_a_retry() {
    let mut life = Life::running(5);
    life.meets(Happening::CancelRequested { by: "you".into() }).unwrap();
    assert_eq!(life.status.state, RunState::Running);
    life.meets(ended(1, Exit::Signal { signal: 9 })).unwrap();
    assert_eq!(life.status.state, RunState::Cancelled);

    let mut waiting = Life::new(0);
    waiting.meets(Happening::CancelRequested { by: "you".into() }).unwrap();
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

fn any_happening() -> impl Strategy<Value = Happening> {
    let attempt = 0u32..4;
    prop_oneof![
        Just(Happening::Claimed),
        Just(Happening::GivenBack),
        Just(Happening::Due),
        Just(Happening::CancelRequested { by: "x".into() }),
        attempt.clone().prop_map(|attempt| Happening::Started { attempt }),
        (attempt.clone(), 0..3i32).prop_map(|(a, code)| ended(a, Exit::Code { code })),
        attempt.clone().prop_map(|a| ended(a, Exit::Lost { message: String::new() })),
        attempt.prop_map(|a| ended(a, Exit::TimedOut { limit_us: 1 })),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_moves_are_legal_and_ends_are_final(happenings in prop::collection::vec(any_happening(), 0..60)) {
        let mut life = Life::new(2);
        let mut ends = 0;
        for what in happenings {
            let before = life.status.clone();
            match life.meets(what) {
                Ok(_) => {
                    let (from, to) = (before.state, life.status.state);
                    prop_assert!(from == to || from.may_become(to), "{from} to {to}");
                    prop_assert!(!from.is_terminal());
                    ends += usize::from(to.is_terminal());
                }
                Err(_) => prop_assert_eq!(&before, &life.status),
            }
            prop_assert_eq!(life.status.ended_at.is_some(), life.status.state.is_terminal());
            prop_assert_eq!(life.status.next_attempt_at.is_some(), life.status.state == RunState::Retrying);
        }
        prop_assert!(ends <= 1);
    }
}
