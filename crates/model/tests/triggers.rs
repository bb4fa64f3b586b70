//! `triggers` of a spec: what is read, and what is refused with its place.

use rigi_model::pipeline::{FolderFacts, SpecFormat, read_spec};
use rigi_model::triggers::{Each, Existing, TriggerOn};

fn read(text: &str) -> Result<rigi_model::pipeline::PipelineSpec, String> {
    let facts = FolderFacts::new("own", Vec::<String>::new());
    let text = format!("command: x\n{text}");
    read_spec(SpecFormat::Yaml, text.as_bytes(), &facts)
        .map(|reading| reading.spec)
        .map_err(|mistakes| mistakes.iter().map(|one| one.message.clone()).collect::<Vec<_>>().join("; "))
}

#[test]
fn all_three_kinds_are_read() {
    let spec = read(
        "inputs: {table: {multiple: true}}\nschedule: {id: prod, cron: '@daily'}\ntriggers:\n\
         - {id: inbox, files: '/data/in/*.csv', interval: 1m, settle: 10s, existing: start, each: batch, input: table, when: 'size(files) > 1'}\n\
         - {id: orders, sensor: check, parameters: {order: '${event.id}'}, schedule: prod, enabled: false}\n\
         - {id: both, after: [a, b], on: end, key: '${run.due}', within: 24h}\n",
    )
    .unwrap();
    let [inbox, orders, both] = &spec.triggers[..] else { panic!("{:?}", spec.triggers) };
    let TriggerOn::Files(files) = &inbox.on else { panic!("{inbox:?}") };
    assert_eq!((files.interval.as_secs(), files.settle.as_secs()), (60, 10));
    assert_eq!(
        (files.existing, files.each, files.input.as_deref()),
        (Existing::Start, Each::Batch, Some("table"))
    );
    assert!(!orders.enabled && orders.schedule.as_deref() == Some("prod"));
    assert_eq!((both.on.words(), both.on.awaited().count()), ("a and b ended".to_owned(), 2));
    // What is stored is read back.
    let stored = serde_json::to_string(&spec.triggers).unwrap();
    let back: Vec<rigi_model::triggers::TriggerSpec> = serde_json::from_str(&stored).unwrap();
    assert_eq!(back, spec.triggers);
}

#[test]
fn what_cannot_be_is_told() {
    for (trigger, why) in [
        ("{files: '/in/*'}", "has no `id`"),
        ("{id: 'a b', sensor: x}", "has up to 64 letters"),
        ("{id: a}", "has no `files`, `sensor` or `after`"),
        ("{id: a, sensor: x, after: [y]}", "has `sensor` and `after`"),
        ("{id: a, sensor: own}", "is the pipeline itself"),
        ("{id: a, after: []}", "names no pipeline"),
        ("{id: a, after: [x, x]}", "stands twice"),
        ("{id: a, sensor: x, settle: 5s}", "belongs to `files`"),
        ("{id: a, files: 'in/*'}", "absolute path"),
        ("{id: a, files: '/in/*', interval: 0s}", "interval"),
        ("{id: a, files: '/in/*', input: none}", "the input `none` is not declared"),
        ("{id: a, sensor: x, when: 'file.size > 0'}", "nothing is called `file` here"),
        ("{id: a, sensor: x, parameters: {p: '${nothing}'}}", "nothing is called `nothing` here"),
        ("{id: a, after: [x], key: '${outputs.x}'}", "nothing is called `outputs` here"),
        ("{id: a, sensor: x}, {id: a, sensor: y}", "has the same `id`"),
        ("{id: a, after: [x], on: soon}", "soon"),
    ] {
        let told = read(&format!("triggers: [{trigger}]\n")).unwrap_err();
        assert!(told.contains(why), "{trigger}: {told}");
    }
}
