//! Where in a whole the files of each run stand: those of a flow at its top, those of its steps in folders below it.

use std::collections::{BTreeSet, HashMap};

use rigi_api::view::CitedRun;

/// The folder of each run, in their order: empty, or it ends with `/`. A flow comes before the runs of its steps.
#[must_use]
pub fn places(runs: &[CitedRun]) -> Vec<String> {
    let mut known: HashMap<&str, String> = HashMap::new();
    let mut taken = BTreeSet::new();
    let mut all = Vec::with_capacity(runs.len());
    for (number, run) in runs.iter().enumerate() {
        let mut folder = match &run.step {
            // The one that is told of is the whole, whatever it is a step of.
            Some(step) if number > 0 => {
                let above = known.get(step.flow.as_str()).cloned().unwrap_or_default();
                let item = step.item.map(|item| format!("-{item}")).unwrap_or_default();
                format!("{above}steps/{}{item}/", step.step)
            }
            _ => String::new(),
        };
        if !taken.insert(folder.clone()) {
            folder = format!("{folder}{}/", run.short);
            taken.insert(folder.clone());
        }
        known.insert(run.id.as_str(), folder.clone());
        all.push(folder);
    }
    all
}

#[cfg(test)]
mod tests {
    use rigi_api::view::StepPlace;
    use rigi_model::RunId;

    use super::*;
    use crate::papers::tests::run;

    #[test]
    fn steps_stand_below_their_flow_and_no_two_in_one_place() {
        let step = |number: u128, flow: u128, name: &str, item: Option<u32>| CitedRun {
            step: Some(StepPlace { flow: RunId::from_bits(flow), step: name.to_owned(), item }),
            ..run(number)
        };
        let runs = [
            run(1),
            step(2, 1, "count", Some(0)),
            step(3, 1, "count", Some(1)),
            step(4, 1, "inner", None),
            step(5, 4, "count", None),
            step(6, 1, "inner", None),
        ];
        let told = places(&runs);
        assert_eq!(
            told,
            [
                "",
                "steps/count-0/",
                "steps/count-1/",
                "steps/inner/",
                "steps/inner/steps/count/",
                "steps/inner/0006/"
            ]
        );
        // One that is told of by itself is the whole.
        assert_eq!(places(&runs[1..2]), [""]);
    }
}
