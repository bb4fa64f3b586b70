use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::pipeline::spec::Entry;
use crate::pipeline::step::StepAction;

fn step(name: &str, needs: &[&str]) -> StepSpec {
    let entry = Entry::Command { argv: vec!["true".into()] };
    StepSpec {
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        ..StepSpec::of(name, StepAction::Run { entry })
    }
}

fn once(succeeded: u32, failed: u32) -> StepFacts {
    StepFacts { begun: Some(Begun::Items(1)), counts: Counts { started: 1, succeeded, failed } }
}

fn facts(all: &[(&str, StepFacts)]) -> BTreeMap<String, StepFacts> {
    all.iter().map(|(name, facts)| ((*name).to_owned(), facts.clone())).collect()
}

const SKIPPED: fn() -> StepFacts =
    || StepFacts { begun: Some(Begun::Skipped("x".into())), counts: Counts::default() };

/// The truth table of the guide: rule by how two needs ended.
#[test]
fn rules_look_at_direct_needs_alone() {
    let ends: [(&str, StepFacts); 3] = [("S", once(1, 0)), ("F", once(0, 1)), ("-", SKIPPED())];
    let mut table = String::new();
    for rule in RunIf::ALL {
        let steps = [step("a", &[]), step("b", &[]), StepSpec { run_if: *rule, ..step("c", &["a", "b"]) }];
        let _ = write!(table, "{rule}:");
        for (one, a) in &ends {
            for (other, b) in &ends {
                let next = next(&steps, &facts(&[("a", a.clone()), ("b", b.clone())]));
                let runs = matches!(&next[..], [Next::Look(name)] if name == "c");
                let _ = write!(table, " {one}{other}={}", u8::from(runs));
            }
        }
        table.push('\n');
    }
    assert_eq!(
        table,
        "success: SS=1 SF=0 S-=0 FS=0 FF=0 F-=0 -S=0 -F=0 --=0\n\
         any_success: SS=1 SF=1 S-=1 FS=1 FF=0 F-=0 -S=1 -F=0 --=0\n\
         failed: SS=0 SF=1 S-=0 FS=1 FF=1 F-=1 -S=0 -F=1 --=0\n\
         done: SS=1 SF=1 S-=1 FS=1 FF=1 F-=1 -S=1 -F=1 --=1\n\
         not_skipped: SS=1 SF=1 S-=0 FS=1 FF=1 F-=0 -S=0 -F=0 --=0\n"
    );
}

#[test]
fn a_skip_far_away_does_not_count() {
    // c is skipped; d goes on although it was; e looks at d alone.
    let steps = [step("c", &[]), StepSpec { run_if: RunIf::Done, ..step("d", &["c"]) }, step("e", &["d"])];
    let next = next(&steps, &facts(&[("c", SKIPPED()), ("d", once(1, 0))]));
    assert_eq!(next, [Next::Look("e".into())]);
}

#[test]
fn without_needs_each_rule_but_failed_begins() {
    for rule in RunIf::ALL {
        let steps = [StepSpec { run_if: *rule, ..step("a", &[]) }];
        let begins = matches!(next(&steps, &BTreeMap::new())[..], [Next::Look(_)]);
        assert_eq!(begins, *rule != RunIf::Failed, "{rule}");
    }
}

#[test]
fn items_begin_in_order_and_a_window_at_a_time() {
    let steps = [StepSpec { parallel: Some(2), ..step("a", &[]) }];
    let at = |counts| facts(&[("a", StepFacts { begun: Some(Begun::Items(5)), counts })]);
    let counts = |started, succeeded, failed| Counts { started, succeeded, failed };
    assert_eq!(next(&steps, &at(counts(0, 0, 0))), [Next::Items("a".into(), 0, 2)]);
    assert_eq!(next(&steps, &at(counts(2, 0, 0))), []);
    assert_eq!(next(&steps, &at(counts(2, 1, 0))), [Next::Items("a".into(), 2, 3)]);
    assert_eq!(next(&steps, &at(counts(5, 4, 0))), []);
    assert_eq!(next(&steps, &at(counts(5, 5, 0))), [Next::End(FlowEnd::Succeeded)]);
    // The first that fails: nothing more begins, what runs is waited for.
    assert_eq!(next(&steps, &at(counts(3, 1, 1))), []);
    assert_eq!(next(&steps, &at(counts(3, 2, 1))), [Next::End(FlowEnd::Failed(vec!["a".into()]))]);
}

#[test]
fn a_step_of_which_a_later_item_cannot_begin_fails_when_its_others_have_ended() {
    let steps = [step("a", &[]), step("b", &["a"])];
    let at = |succeeded| {
        let counts = Counts { started: 2, succeeded, failed: 0 };
        facts(&[("a", StepFacts { begun: Some(Begun::Failed("x".into())), counts })])
    };
    assert_eq!(next(&steps, &at(1)), []);
    assert_eq!(next(&steps, &at(2)), [Next::Skip("b".into(), "`a` failed".into())]);
}

#[test]
fn some_items_may_fail() {
    let ends = |on_failure, total, failed| {
        let step = StepSpec { on_failure, ..step("a", &[]) };
        let counts = Counts { started: total, succeeded: total - failed, failed };
        state_of(&step, &StepFacts { begun: Some(Begun::Items(total)), counts })
    };
    assert_eq!(ends(ItemFailures::Continue, 10, 1), StepState::Failed);
    assert_eq!(ends(ItemFailures::Count(2), 10, 2), StepState::Succeeded);
    assert_eq!(ends(ItemFailures::Count(2), 10, 3), StepState::Failed);
    assert_eq!(ends(ItemFailures::Percent(20.0), 10, 2), StepState::Succeeded);
    assert_eq!(ends(ItemFailures::Percent(20.0), 10, 3), StepState::Failed);
    for rule in [ItemFailures::Stop, ItemFailures::Continue, ItemFailures::Percent(0.0)] {
        assert_eq!(ends(rule, 0, 0), StepState::Succeeded, "nothing to do is done");
    }
}

#[test]
fn what_is_optional_does_not_fail_the_flow() {
    let steps = [StepSpec { optional: true, ..step("a", &[]) }, step("b", &[])];
    let ended = facts(&[("a", once(0, 1)), ("b", once(1, 0))]);
    assert_eq!(next(&steps, &ended), [Next::End(FlowEnd::Succeeded)]);
    let ended = facts(&[("a", once(0, 1)), ("b", once(0, 1))]);
    assert_eq!(next(&steps, &ended), [Next::End(FlowEnd::Failed(vec!["b".into()]))]);
}

/// What happens to each step when it is looked at and run.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Succeeds,
    Fails,
    Condition,
    Items(u32, u32),
}

#[derive(Debug, Clone)]
struct Plan {
    steps: Vec<StepSpec>,
    fates: Vec<Fate>,
}

fn plans() -> impl Strategy<Value = Plan> {
    let fate = prop_oneof![
        4 => Just(Fate::Succeeds),
        2 => Just(Fate::Fails),
        1 => Just(Fate::Condition),
        2 => (0..6_u32, 0..3_u32).prop_map(|(total, failed)| Fate::Items(total, failed.min(total))),
    ];
    let rules = prop_oneof![
        Just(ItemFailures::Stop),
        Just(ItemFailures::Continue),
        Just(ItemFailures::Count(1)),
        Just(ItemFailures::Percent(50.0)),
    ];
    let one = (fate, 0..RunIf::ALL.len(), any::<bool>(), any::<u16>(), rules, 1..4_u32);
    prop::collection::vec(one, 1..9).prop_map(|all| {
        let mut plan = Plan { steps: Vec::new(), fates: Vec::new() };
        for (at, (fate, rule, optional, needs, on_failure, parallel)) in all.into_iter().enumerate() {
            let needs: Vec<String> =
                (0..at).filter(|other| needs >> other & 1 == 1).map(|other| format!("s{other}")).collect();
            let (run_if, parallel) = (RunIf::ALL[rule], Some(parallel));
            plan.steps.push(StepSpec {
                needs,
                run_if,
                optional,
                on_failure,
                parallel,
                ..step(&format!("s{at}"), &[])
            });
            plan.fates.push(fate);
        }
        plan
    })
}

/// Plays a flow; `choices` say which of the active runs ends next. Returns how each step ended.
fn play(plan: &Plan, mut choices: impl FnMut(usize) -> usize) -> (Vec<StepState>, FlowEnd) {
    let mut known: BTreeMap<String, StepFacts> = BTreeMap::new();
    let mut active: Vec<(usize, u32)> = Vec::new();
    let mut looked = BTreeSet::new();
    for _ in 0..10_000 {
        for what in next(&plan.steps, &known) {
            let at = |name: &str| plan.steps.iter().position(|step| step.name == name).unwrap();
            match what {
                Next::Look(name) => {
                    assert!(looked.insert(name.clone()), "{name} is looked at once");
                    for need in &plan.steps[at(&name)].needs {
                        let step = &plan.steps[at(need)];
                        assert!(
                            state_of(step, &known[need]).is_terminal(),
                            "{name} begins before {need} ended"
                        );
                    }
                    let begun = match plan.fates[at(&name)] {
                        Fate::Condition => Begun::Skipped("condition".into()),
                        Fate::Items(total, _) => Begun::Items(total),
                        _ => Begun::Items(1),
                    };
                    known.entry(name).or_default().begun = Some(begun);
                }
                Next::Skip(name, why) => {
                    assert!(looked.insert(name.clone()), "{name} is skipped once");
                    known.entry(name).or_default().begun = Some(Begun::Skipped(why));
                }
                Next::Items(name, from, to) => {
                    let step = at(&name);
                    let counts = &mut known.get_mut(&name).unwrap().counts;
                    assert_eq!(counts.started, from, "in order, each once");
                    counts.started = to;
                    active.extend((from..to).map(|item| (step, item)));
                    let its = active.iter().filter(|(other, _)| *other == step).count() as u32;
                    assert!(its <= plan.steps[step].parallel.unwrap(), "no more at a time");
                }
                Next::End(end) => {
                    assert!(active.is_empty(), "nothing runs at the end");
                    let state = |step: &StepSpec| state_of(step, &known[&step.name]);
                    return (plan.steps.iter().map(state).collect(), end);
                }
            }
        }
        if active.is_empty() {
            // What was settled without a run may lead on.
            continue;
        }
        let (step, item) = active.swap_remove(choices(active.len()));
        let fails = match plan.fates[step] {
            Fate::Fails => true,
            Fate::Items(_, failed) => item < failed,
            _ => false,
        };
        let counts = &mut known.get_mut(&plan.steps[step].name).unwrap().counts;
        if fails { counts.failed += 1 } else { counts.succeeded += 1 }
    }
    panic!("the flow does not end");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Whatever ends first, the flow ends, and in the same way.
    #[test]
    fn the_order_of_ends_does_not_matter(plan in plans(), seed in any::<u64>()) {
        let first = play(&plan, |_| 0);
        let last = play(&plan, |count| count - 1);
        let mut state = seed | 1;
        let any = play(&plan, |count| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % count
        });
        prop_assert_eq!(&first, &last);
        prop_assert_eq!(&first, &any);
    }
}
