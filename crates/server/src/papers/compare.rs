//! Whether two runs left the same, file by file and by content.

use std::collections::BTreeMap;

use rigi_api::view::{
    CitationView, CitedFile, CitedRun, ComparedCounts, ComparedFile, Comparison, FileVerdict,
};

use super::places;

/// Files that are told one by one; those that are equal come last.
const MOST_FILES: usize = 2000;

/// Compares what two runs left; `secrets` are those that the two were given in different versions.
#[must_use]
pub fn compare(one: &CitationView, other: &CitationView, secrets: Vec<String>) -> Comparison {
    let (left, right) = (files(one), files(other));
    let mut counts = ComparedCounts::default();
    let mut compared = Vec::new();
    let paths = left.keys().chain(right.keys().filter(|path| !left.contains_key(*path)));
    for path in paths {
        let (one, other) = (left.get(path), right.get(path));
        let verdict = match (one, other) {
            (Some(one), Some(other)) if one.sha256 == other.sha256 => FileVerdict::Equal,
            (Some(_), Some(_)) => FileVerdict::Differs,
            (Some(_), None) => FileVerdict::Missing,
            (None, _) => FileVerdict::New,
        };
        *match verdict {
            FileVerdict::Equal => &mut counts.equal,
            FileVerdict::Differs => &mut counts.differs,
            FileVerdict::Missing => &mut counts.missing,
            FileVerdict::New => &mut counts.new,
        } += 1;
        compared.push(ComparedFile {
            path: path.clone(),
            verdict,
            sha256: one.map(|file| file.sha256.clone()),
            other_sha256: other.map(|file| file.sha256.clone()),
        });
    }
    let is_whole = whole(one) && whole(other);
    compared.sort_by(|a, b| {
        (a.verdict == FileVerdict::Equal, &a.path).cmp(&(b.verdict == FileVerdict::Equal, &b.path))
    });
    let more = compared.len() > MOST_FILES || !is_whole;
    compared.truncate(MOST_FILES);
    let states = |told: &CitationView| told.runs.first().map(|run| run.state);
    Comparison {
        equal: counts.differs + counts.missing + counts.new == 0 && is_whole && states(one) == states(other),
        counts,
        files: compared,
        more,
        differs_in: differs_in(one, other),
        secrets,
        notes: notes(one),
    }
}

/// All files, by where they stand.
fn files(told: &CitationView) -> BTreeMap<String, &CitedFile> {
    let places = places(&told.runs);
    let each = places
        .iter()
        .zip(&told.runs)
        .flat_map(|(place, run)| run.outputs.iter().map(move |file| (format!("{place}{}", file.path), file)));
    each.collect()
}

fn whole(told: &CitationView) -> bool {
    told.runs_left_out == 0 && told.runs.iter().all(|run| run.outputs_left_out == 0)
}

/// What the two did not have in common, by name.
fn differs_in(one: &CitationView, other: &CitationView) -> Vec<String> {
    let (Some(first), Some(second)) = (one.runs.first(), other.runs.first()) else { return Vec::new() };
    let values = |run: &CitedRun| {
        run.parameters.iter().map(|one| (one.name.clone(), one.value.clone())).collect::<BTreeMap<_, _>>()
    };
    let given = |run: &CitedRun| {
        run.inputs
            .iter()
            .map(|file| (file.input.clone(), file.name.clone(), file.sha256.clone()))
            .collect::<Vec<_>>()
    };
    let checks = [
        ("pipeline", first.pipeline != second.pipeline),
        ("code", first.version != second.version),
        ("state", first.state != second.state),
        ("target", first.target != second.target),
        ("environment", one.environments != other.environments),
        ("parameters", values(first) != values(second)),
        ("inputs", given(first) != given(second)),
    ];
    checks.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()).collect()
}

/// What may have changed without being seen.
fn notes(told: &CitationView) -> Vec<String> {
    let images = told.environments.values().filter_map(|with| with.image.as_ref());
    let tagged = images.filter(|image| !image.contains("@sha256:"));
    tagged.map(|image| format!("the image {image} is named by a tag, which may have moved")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::tests::{file, run, told};

    #[test]
    fn each_file_is_equal_differs_is_missing_or_new() {
        let one =
            told(vec![CitedRun { outputs: vec![file("a", 'a'), file("b", 'b'), file("c", 'c')], ..run(1) }]);
        let other =
            told(vec![CitedRun { outputs: vec![file("a", 'a'), file("b", 'x'), file("d", 'd')], ..run(2) }]);
        let compared = compare(&one, &other, vec!["KEY".to_owned()]);
        let verdicts: Vec<_> = compared.files.iter().map(|file| (file.path.as_str(), file.verdict)).collect();
        assert_eq!(
            verdicts,
            [
                ("b", FileVerdict::Differs),
                ("c", FileVerdict::Missing),
                ("d", FileVerdict::New),
                ("a", FileVerdict::Equal),
            ]
        );
        assert_eq!(compared.counts, ComparedCounts { equal: 1, differs: 1, missing: 1, new: 1 });
        assert!(!compared.equal && !compared.more);
        assert_eq!(compared.secrets, ["KEY"]);
        assert!(compare(&one, &one, Vec::new()).equal);
    }

    #[test]
    fn what_is_not_known_whole_is_never_equal() {
        let whole = told(vec![CitedRun { outputs: vec![file("a", 'a')], ..run(1) }]);
        let part = told(vec![CitedRun { outputs: vec![file("a", 'a')], outputs_left_out: 1, ..run(1) }]);
        assert!(!compare(&whole, &part, Vec::new()).equal && compare(&whole, &part, Vec::new()).more);
        let failed = told(vec![CitedRun {
            outputs: vec![file("a", 'a')],
            state: rigi_model::RunState::Failed,
            ..run(1)
        }]);
        let compared = compare(&whole, &failed, Vec::new());
        assert!(!compared.equal);
        assert_eq!(compared.differs_in, ["state"]);
    }
}
