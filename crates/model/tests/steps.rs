//! Steps of flows: what is read of them, and each mistake with its place.

use rigi_model::pipeline::spec::Entry;
use rigi_model::pipeline::step::{FilesOf, ForEach, ItemFailures, RunIf, StepAction};
use rigi_model::pipeline::{FolderFacts, PipelineSpec, SpecFormat, read_spec};

fn read(text: &str) -> Result<PipelineSpec, Vec<String>> {
    let folder = FolderFacts::new("demo", ["main.py", "count.py", "plot.ipynb"]);
    match read_spec(SpecFormat::Yaml, text.as_bytes(), &folder) {
        Ok(reading) => {
            assert_eq!(reading.warnings, [], "{text}");
            Ok(reading.spec)
        }
        Err(mistakes) => Err(mistakes.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn everything_that_a_step_may_say_is_read() {
    let spec = read(
        "inputs: [raw]\nparameters: {days: {type: array, default: []}}\nretries: 2\nlimits: {memory: 1GiB, cpu: 1}\nsteps:\n  \
         a: {script: count.py, requirements: [polars], python_version: '3.13', env: {A: b}, timeout: 5m, retries: 1, limits: {memory: 2GiB}, target: lab, cache: true}\n  \
         b: {needs: [a], run_if: any_success, when: 'steps.a.outputs.rows > 0', for_each: '${params.days}', parallel: 3, on_failure: {max: 5%}, \
         command: wc, parameters: {day: '${item}'}, inputs: {t: a/table, raw: flow/raw}}\n  \
         c: {needs: [b], pipeline: other, run_config_id: prod, optional: true}\n  \
         d: {for_each: {input: raw}, notebook: plot.ipynb, image: 'debian:13', on_failure: continue}\n  \
         e: {approval: {role: owner, message: 'Go?'}, timeout: 1d}\n",
    )
    .unwrap();
    assert_eq!((&spec.entry, spec.is_flow(), spec.steps.len()), (&Entry::Flow, true, 5));
    let [a, b, c, d, e] = spec.steps.as_slice() else { panic!("five") };
    assert!(matches!(&a.action, StepAction::Run { entry: Entry::Script { file } } if file == "count.py"));
    assert_eq!(
        (b.run_if, b.parallel, b.on_failure),
        (RunIf::AnySuccess, Some(3), ItemFailures::Percent(5.0))
    );
    assert_eq!(b.inputs["t"], FilesOf::Step { step: "a".into(), output: Some("table".into()) });
    assert_eq!(b.inputs["raw"], FilesOf::Flow { input: "raw".into() });
    assert!(
        matches!(&c.action, StepAction::Pipeline { pipeline, entry: Some(entry) } if pipeline.as_str() == "other" && entry == "prod")
    );
    assert_eq!(
        (d.for_each.as_ref(), d.image.as_deref()),
        (Some(&ForEach::Input("raw".into())), Some("debian:13"))
    );
    assert!(matches!(&e.action, StepAction::Approval { message: Some(message), .. } if message == "Go?"));
    // What a step says is over what the flow says, and a spec comes back from what is stored.
    let own = spec.with_step("a").unwrap();
    assert_eq!((own.limits.memory, own.limits.cpu), (Some(2 << 30), Some(1.0)));
    assert_eq!((own.retry.as_ref().unwrap().attempts, own.is_flow()), (Some(1), false));
    assert_eq!(spec.with_step("d").unwrap().retry.unwrap().attempts, Some(2));
    let stored = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<PipelineSpec>(&stored).unwrap(), spec);
}

#[test]
fn each_mistake_is_told_with_its_place() {
    let long: String = (0..501).map(|n| format!("  s{n}: {{command: x}}\n")).collect();
    for (text, told) in [
        ("steps: {}\n", "1:8  `steps` is empty"),
        ("command: x\nsteps: {a: {command: x}}\n", "1:1  `steps` and `command` cannot both say what is run"),
        ("steps: {1a: {command: x}}\n", "`1a` cannot be a step's name"),
        ("steps: {flow: {command: x}}\n", "`flow` cannot be a step's name"),
        ("steps: {a: {}}\n", "the step does not say what it does"),
        (
            "steps: {a: {command: x, pipeline: y}}\n",
            "`steps.a.command` and `steps.a.pipeline` cannot both say what is done",
        ),
        ("steps: {a: {script: ../x.py}}\n", "must be a path within the folder that ends in `.py`"),
        ("steps: {a: {script: gone.py}}\n", "the folder has no `gone.py`"),
        ("steps: {a: {command: x, needs: [b]}}\n", "`steps.a.needs`: there is no step `b`"),
        ("steps: {a: {command: x, needs: [a]}}\n", "`steps.a.needs`: `a` needs itself"),
        (
            "values: {n: '${steps.b.outputs.n}'}\nsteps: {a: {command: x}}\n",
            "`values.n`: there is no step `b`",
        ),
        ("values: {n: '${item}'}\nsteps: {a: {command: x}}\n", "`values.n`: nothing is called `item` here"),
        ("values: {n: '${params.'}\nsteps: {a: {command: x}}\n", "`values.n` cannot be read"),
        ("values: {n: 1}\ncommand: x\n", "`values` belongs to a flow"),
        (
            "parameters: {key: {type: string, secret: true}}\nvalues: {n: '${params.key}'}\nsteps: {a: {command: x}}\n",
            "`values.n` would show the secret parameter `key`",
        ),
        (
            "steps:\n  a: {command: x, needs: [c]}\n  b: {command: x, needs: [a]}\n  c: {command: x, needs: [b]}\n",
            "a circle: `a` needs `c` needs `b` needs `a`",
        ),
        ("steps: {a: {command: x, run_if: sometimes}}\n", "`steps.a.run_if`"),
        ("steps: {a: {command: x, when: 'params.x ='}}\n", "at character 10: to compare, write `==`"),
        ("steps: {a: {command: x, when: 'nobody.x'}}\n", "nothing is called `nobody` here"),
        ("steps: {a: {command: x, when: 'item == 1', for_each: [1]}}\n", "nothing is called `item` here"),
        ("steps: {a: {command: x, when: 'steps.b.state'}}\n", "there is no step `b`"),
        (
            "steps: {a: {command: x, when: 'steps.b.outputs.x'}, b: {command: x}}\n",
            "`b` has not ended when `a` begins",
        ),
        ("steps: {a: {command: x, for_each: 7}}\n", "must be a list, `${…}`, or a map with `input`"),
        ("steps: {a: {command: x, for_each: {input: raw}}}\n", "the flow has no input `raw`"),
        ("steps: {a: {command: x, inputs: [b]}}\n", "there is no step `b`"),
        ("steps: {a: {command: x, inputs: {t: b}}, b: {command: x}}\n", "`b` has not ended when `a` begins"),
        ("steps: {a: {command: x, inputs: {t: flow/raw}}}\n", "the flow has no input `raw`"),
        ("steps: {a: {command: x, on_failure: {max: 120%}}}\n", "a part such as `5%`"),
        ("steps: {a: {command: x, parameters: {n: '${item'}}}\n", "`${` has no `}`"),
        ("steps: {a: {approval: {role: viewer}}}\n", "must be `runner`, `editor` or `owner`"),
        ("steps: {a: {command: x, need: [b]}}\n", "the nearest is `needs`"),
        ("steps:\n  a: {command: x}\n  a: {command: y}\n", "a"),
        (&format!("steps:\n{long}"), "may have at most 500"),
    ] {
        let mistakes = read(text).expect_err(text);
        assert!(mistakes.iter().any(|mistake| mistake.contains(told)), "{text}: {mistakes:?}");
    }
}

#[test]
fn what_has_no_effect_is_said() {
    let folder = FolderFacts::new("demo", ["main.py"]);
    let text = "steps:\n  a: {pipeline: x, retries: 1, cache: true}\n  b: {approval: true, env: {A: b}}\n  c: {command: x, parallel: 2, requirements: [y]}\n";
    let warnings = read_spec(SpecFormat::Yaml, text.as_bytes(), &folder).unwrap().warnings;
    let told: Vec<_> = warnings.iter().map(|warning| warning.message.split(':').next().unwrap()).collect();
    assert_eq!(
        told,
        [
            "`steps.a.retries` has no effect",
            "`steps.a.cache` has no effect",
            "`steps.b.env` has no effect",
            "`steps.c.parallel` has no effect",
            "`steps.c.requirements` has no effect"
        ]
    );
}

#[test]
fn a_chain_of_all_steps_and_one_of_all_needs_are_read_in_time() {
    let begun = std::time::Instant::now();
    let chain: String = (0..500)
        .map(|n| {
            format!(
                "  s{n}: {{command: x, needs: [{}]}}\n",
                (0..n).map(|m| format!("s{m}")).collect::<Vec<_>>().join(", ")
            )
        })
        .collect();
    assert_eq!(read(&format!("steps:\n{chain}")).unwrap().steps.len(), 500);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
