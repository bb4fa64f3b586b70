//! Flows: steps in their order, items, conditions, what is handed on, people who answer, what counts again.

use axum::http::{Method, StatusCode};
use rigi_model::rights::Role;
use serde_json::{Value, json};

use super::TestServer;
use super::crowd::{Kept, role};

const FLOW: &str = r#"
description: All that a flow may have
parameters:
  days: {type: array, items: {type: integer}, default: [1, 2, 3]}
  full: {type: boolean, default: false}
  key: {type: string, secret: true, default: a-secret-word}
steps:
  list:
    command: "true"
    parameters: {outputs: {days: "${params.days}", rows: 40}}
  each:
    needs: [list]
    for_each: ${steps.list.outputs.days}
    parallel: 2
    command: "true"
    parameters: {day: "${item}", at: "${index}", outputs: {day: "day ${item}"}}
  gather:
    needs: [each, list]
    inputs: {each: each, list: list}
    command: "true"
    parameters: {tell: true, all: "${steps.each.outputs}", n: "${size(steps.each.outputs)}", first: "${steps.each.outputs[0].day}"}
  full:
    needs: [list]
    when: params.full and steps.list.outputs.rows > 3
    command: "true"
  after-full:
    needs: [full]
    command: "true"
  breaks:
    command: "true"
    optional: true
    parameters: {fail: true}
  mend:
    needs: [breaks]
    run_if: failed
    command: "true"
  never:
    needs: [breaks]
    command: "true"
  last:
    needs: [gather, after-full, mend, never]
    run_if: done
    command: "true"
  nothing:
    for_each: []
    command: "true"
  other:
    needs: [nothing]
    pipeline: fit
    parameters: {tell: true}
"#;

async fn server(spec: &str) -> TestServer {
    let server = TestServer::start(&[], &["default/fit", "default/flow"]).await;
    write(&server, "flow", spec);
    rigi_engine::flows::start(server.state.engine.clone(), server.state.projects.clone());
    server
}

fn write(server: &TestServer, pipeline: &str, spec: &str) {
    std::fs::write(server.folder().join(format!("default/{pipeline}/pipeline.yaml")), spec).unwrap();
    server.state.projects.of(&rigi_model::ProjectName::default()).unwrap().catalog.refresh().unwrap();
}

async fn steps(server: &TestServer, run: &str) -> Value {
    let answer = server.get(&format!("/runs/{run}/steps")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["steps"].clone()
}

fn states(steps: &Value) -> String {
    let each =
        |step: &Value| format!("{} {}", step["name"].as_str().unwrap(), step["state"].as_str().unwrap());
    steps.as_array().unwrap().iter().map(each).collect::<Vec<_>>().join(", ")
}

fn step<'a>(steps: &'a Value, name: &str) -> &'a Value {
    steps.as_array().unwrap().iter().find(|step| step["name"] == name).unwrap()
}

async fn log(server: &TestServer, run: &str) -> String {
    server.get(&format!("/runs/{run}/log/raw")).await.text()
}

#[tokio::test]
async fn a_flow_does_its_steps_and_hands_on_what_they_leave() {
    let server = server(FLOW).await;
    let run = server.run("", "flow", json!({}), "succeeded").await;
    let all = steps(&server, &run).await;
    assert_eq!(
        states(&all),
        "list succeeded, each succeeded, gather succeeded, full skipped, after-full skipped, breaks failed, mend succeeded, \
         never skipped, last succeeded, nothing succeeded, other succeeded"
    );
    assert_eq!(step(&all, "full")["message"], "`params.full and steps.list.outputs.rows > 3` does not hold");
    assert_eq!(step(&all, "after-full")["message"], "`full` was skipped");
    assert_eq!(step(&all, "never")["message"], "`breaks` failed");
    assert_eq!(step(&all, "each")["counts"]["items"], 3);
    assert_eq!(step(&all, "nothing")["counts"]["items"], 0);
    let gathered = log(&server, step(&all, "gather")["run"].as_str().unwrap()).await;
    for line in [
        "input each/000000/outputs.json",
        "input each/000002/result.txt",
        "input each/items.jsonl",
        "input list/outputs.json",
        r#""all":[{"day":"day 1"},{"day":"day 2"},{"day":"day 3"}]"#,
        r#""first":"day 1""#,
        r#""n":3"#,
        // The flow's own are there too, and secrets are covered.
        r#""days":[1,2,3]"#,
        "covered: a-secret-word",
    ] {
        assert!(gathered.contains(line), "{line} in {gathered}");
    }
    let items = server.get(&format!("/runs/{run}/steps/each")).await.json();
    let items: Vec<_> = items["items"].as_array().unwrap().iter().map(|run| run["item"].clone()).collect();
    assert_eq!(items, [0, 1, 2]);
    // Lists show the flow alone, and what a step is says its run.
    let listed = server.get("/runs").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let other = server.get(&format!("/runs/{}", step(&all, "other")["run"].as_str().unwrap())).await.json();
    assert_eq!(
        (&other["pipeline"], &other["step"]["flow"], &other["flow"]),
        (&json!("fit"), &json!(run), &json!(false))
    );
    let flow = server.get(&format!("/runs/{run}")).await.json();
    assert_eq!((&flow["flow"], &flow["target"]), (&json!(true), &json!("flow")));
    assert!(log(&server, &run).await.contains("each: succeeded: 3 of 3 items succeeded"));
}

#[tokio::test]
async fn a_failed_step_fails_the_flow_and_the_rest_counts_when_it_is_repeated() {
    let server = server(
        "parameters: {fail: {type: boolean, default: false}}\nsteps:\n  a: {command: 'true', parameters: {fail: false}}\n  \
         b: {command: 'true', needs: [a]}\n  c: {command: 'true', needs: [b], parameters: {fail: false}}\n  \
         many: {command: 'true', for_each: [0, 1, 2], on_failure: continue, parameters: {fail: '${params.fail and item == 1}'}}\n",
    )
    .await;
    let run = server.run("", "flow", json!({"parameters": {"fail": true}}), "failed").await;
    let view = server.get(&format!("/runs/{run}")).await.json();
    assert_eq!(
        (&view["reason"], &view["message"]),
        (&json!("step-failed"), &json!("its steps `b` and `many` failed"))
    );
    assert_eq!(states(&steps(&server, &run).await), "a succeeded, b failed, c skipped, many failed");
    let body = json!({"from_failed": true, "parameters": {"fail": false}});
    let again = server.post(&format!("/runs/{run}/rerun"), body).await;
    assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.text());
    let again = again.json()["id"].as_str().unwrap().to_owned();
    server.when(&format!("/runs/{again}"), |run| run["state"] == "succeeded").await;
    let results = |page: Value| {
        let of = |run: &Value| !run["result_of"].is_null();
        page["items"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let mut counted = Vec::new();
    for name in ["a", "b", "c", "many"] {
        counted.push(results(server.get(&format!("/runs/{again}/steps/{name}")).await.json()));
    }
    assert_eq!(counted, [vec![true], vec![false], vec![false], vec![true, false, true]]);
    // What counts has its files.
    let all = steps(&server, &again).await;
    let files =
        server.get(&format!("/runs/{}/artifacts", step(&all, "a")["run"].as_str().unwrap())).await.json();
    assert_eq!(files["items"][0]["path"], "result.txt");
}

#[tokio::test]
async fn a_flow_that_is_stopped_stops_its_steps() {
    let server = server(
        "steps:\n  a: {command: 'true', parameters: {hold: true}}\n  b: {command: 'true', needs: [a]}\n",
    )
    .await;
    let run = server.run("", "flow", json!({}), "running").await;
    let held =
        server.when(&format!("/runs/{run}/steps"), |all| all["steps"][0]["counts"]["active"] == 1).await;
    let step_run = held["steps"][0]["run"].as_str().unwrap().to_owned();
    assert_eq!(server.post(&format!("/runs/{run}/cancel"), json!({})).await.status, StatusCode::ACCEPTED);
    server.when(&format!("/runs/{run}"), |run| run["state"] == "cancelled").await;
    let step_run = server.get(&format!("/runs/{step_run}")).await.json();
    assert_eq!(step_run["state"], "cancelled");
    assert_eq!(states(&steps(&server, &run).await), "a failed, b waiting");
}

#[tokio::test]
async fn a_flow_takes_no_place_and_its_steps_do() {
    let server = TestServer::start_with(&[], &["default/fit", "default/flow"], |settings| {
        settings.active.insert(rigi_engine::decide::LimitOf::Everything, 1);
    })
    .await;
    write(&server, "fit", "command: 'true'\nmax_instances: 1\n");
    write(
        &server,
        "flow",
        "max_instances: 1\nsteps:\n  inner: {pipeline: deep}\n  own: {command: 'true', for_each: [1, 2, 3]}\n",
    );
    std::fs::create_dir(server.folder().join("default/deep")).unwrap();
    write(&server, "deep", "steps:\n  fit: {pipeline: fit, for_each: [1, 2]}\n");
    rigi_engine::flows::start(server.state.engine.clone(), server.state.projects.clone());
    let run = server.run("", "flow", json!({}), "succeeded").await;
    assert_eq!(states(&steps(&server, &run).await), "inner succeeded, own succeeded");
}

#[tokio::test]
async fn what_is_the_same_is_not_done_again() {
    let server = server(
        "parameters: {n: {type: integer, default: 1}, m: {type: integer, default: 1}}\nsteps:\n  \
         a: {command: 'true', cache: true, parameters: {n: '${params.n}', outputs: {n: '${params.n}'}}}\n",
    )
    .await;
    let of = async |body: Value| {
        let run = server.run("", "flow", body, "succeeded").await;
        let runs = server.get(&format!("/runs/{run}/steps/a")).await.json();
        let (id, of) =
            (runs["items"][0]["id"].as_str().unwrap().to_owned(), runs["items"][0]["result_of"].clone());
        let why = server.get(&format!("/runs/{id}/why-not-cached")).await.json();
        (id, of, why)
    };
    let (first, counted, why) = of(json!({})).await;
    assert_eq!((counted, &why["why"]), (Value::Null, &json!("first")));
    let (_, counted, why) = of(json!({})).await;
    assert_eq!((&counted, &why["why"]), (&json!(first), &json!("counts")));
    let (_, counted, why) = of(json!({"parameters": {"n": 2}})).await;
    assert_eq!(
        (counted, &why),
        (Value::Null, &json!({"why": "differs", "run": first, "parts": ["parameters"]}))
    );
    let (_, counted, why) = of(json!({"no_cache": true})).await;
    assert_eq!((counted, &why["why"]), (Value::Null, &json!("refused")));
}

#[tokio::test]
async fn a_step_waits_for_a_person_who_may_answer() {
    let server = TestServer::start_team(&[("lab", None)], &["lab/flow"]).await;
    let spec = "steps:\n  ask: {approval: {role: owner, message: 'Publish?'}}\n  go: {needs: [ask], command: 'true'}\n";
    std::fs::write(server.folder().join("lab/flow/pipeline.yaml"), spec).unwrap();
    let lab = rigi_model::ProjectName::unchecked("lab");
    server.state.projects.of(&lab).unwrap().catalog.refresh().unwrap();
    rigi_engine::flows::start(server.state.engine.clone(), server.state.projects.clone());
    let begin = async || {
        let run = server.run("/projects/lab", "flow", json!({}), "running").await;
        let waits = |all: &Value| all["steps"][0]["message"] == "waits for the answer of an owner: Publish?";
        let all = server.when(&format!("/projects/lab/runs/{run}/steps"), waits).await;
        (run, all["steps"][0]["run"].as_str().unwrap().to_owned())
    };
    let (run, ask) = begin().await;
    let editor = server.person("Eva", vec![role("lab", Role::Editor)]).await;
    let owner = server.person("Otto", vec![role("lab", Role::Owner)]).await;
    let (editor, _) = server.token(&editor, Kept::default()).await;
    let (owner, _) = server.token(&owner, Kept::default()).await;
    let path = format!("/projects/lab/runs/{ask}/approve");
    let refused = server.call_as(&editor, Method::POST, &path, Some(json!({}))).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    let body = json!({"note": "looked at it"});
    let answered = server.call_as(&owner, Method::POST, &path, Some(body)).await;
    assert_eq!(answered.status, StatusCode::ACCEPTED, "{}", answered.text());
    assert_eq!(answered.json()["approval"]["answer"]["by"], "Otto");
    server.when(&format!("/projects/lab/runs/{run}"), |run| run["state"] == "succeeded").await;
    let twice = server.call_as(&owner, Method::POST, &path, Some(json!({}))).await;
    assert_eq!(twice.status, StatusCode::CONFLICT, "{}", twice.text());
    let (run, ask) = begin().await;
    let path = format!("/projects/lab/runs/{ask}/reject");
    server.call_as(&owner, Method::POST, &path, Some(json!({"note": "not yet"}))).await;
    server.when(&format!("/projects/lab/runs/{run}"), |run| run["state"] == "failed").await;
    let all = server.get(&format!("/projects/lab/runs/{run}/steps")).await.json()["steps"].clone();
    assert_eq!(states(&all), "ask failed, go skipped");
    assert_eq!(all[0]["message"], "rejected by Otto: not yet");
}

#[tokio::test]
async fn what_cannot_begin_is_refused_or_fails_with_the_reason() {
    let server = server("steps:\n  a: {pipeline: not-there}\n").await;
    let answer = server.post("/pipelines/flow/runs", json!({})).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    assert!(
        answer.text().contains("its step `a` runs the pipeline `not-there`, which is not there"),
        "{}",
        answer.text()
    );
    for (spec, why) in [
        (
            "steps:\n  a: {command: 'true', for_each: '${params.list}'}\n",
            "`for_each` is \"${params.list}\", which is not there",
        ),
        ("steps:\n  a: {command: 'true', when: \"params.x > 1\"}\n", "cannot be less or more than"),
        (
            "steps:\n  a: {command: 'true', parameters: {outputs: [1]}}\n  b: {needs: [a], command: 'true', when: steps.a.outputs.x}\n",
            "is not an object",
        ),
        ("steps:\n  a: {pipeline: fit, parameters: {nobody: 1}}\n", ""),
        (
            "parameters: {key: {type: string, secret: true, default: a-secret}}\nsteps:\n  a: {command: 'true', parameters: {x: 'it is ${params.key}'}}\n",
            "is handed on whole alone",
        ),
        (
            "parameters: {key: {type: string, secret: true, default: a-secret}}\nsteps:\n  a: {pipeline: fit, parameters: {known: '${params.key}'}}\n",
            "is given a secret, and is none",
        ),
    ] {
        write(&server, "fit", "command: 'true'\nparameters: {known: {type: integer, default: 1}}\n");
        write(&server, "flow", spec);
        let run = server.run("", "flow", json!({}), "failed").await;
        let all = steps(&server, &run).await;
        let said =
            all.as_array().unwrap().iter().find_map(|step| step["message"].as_str()).unwrap_or_default();
        assert!(said.contains(why) && !said.is_empty(), "{spec}: {said}");
    }
    let drawn = server.get("/pipelines/flow/graph?form=mermaid").await.json();
    assert!(
        drawn["text"].as_str().unwrap().starts_with("flowchart LR\n  s0[\"a<br/>pipeline fit\"]"),
        "{drawn}"
    );
}

#[tokio::test]
async fn a_flow_leaves_values_and_hands_them_to_the_flow_around_it() {
    let server = TestServer::start(&[], &["default/inner", "default/outer"]).await;
    let inner = "parameters: {n: {type: integer, default: 2}}\n\
         values: {all: '${steps.each.outputs}', twice: 'n is ${params.n}'}\n\
         steps: {each: {for_each: [1, 2], command: 'true', parameters: {outputs: {day: '${item}'}}}}\n";
    write(&server, "inner", inner);
    let outer = "values: {first: '${steps.inner.outputs.all[0].day}'}\n\
         steps:\n  inner: {pipeline: inner, parameters: {n: 5}}\n  \
         tell: {needs: [inner], command: 'true', parameters: {tell: true, got: '${steps.inner.outputs}'}}\n";
    write(&server, "outer", outer);
    rigi_engine::flows::start(server.state.engine.clone(), server.state.projects.clone());
    let run = server.run("", "outer", json!({}), "succeeded").await;
    let files = server.get(&format!("/runs/{run}/artifacts")).await.text();
    assert!(files.contains("outputs.json"), "{files}");
    let all = steps(&server, &run).await;
    let told = log(&server, step(&all, "tell")["run"].as_str().unwrap()).await;
    assert!(told.contains(r#""got":{"all":[{"day":1},{"day":2}],"twice":"n is 5"}"#), "{all} {told}");

    write(&server, "inner", &inner.replace("all: '${steps.each.outputs}'", "all: '${params.n > \"x\"}'"));
    let run = server.run("", "inner", json!({}), "failed").await;
    let view = server.get(&format!("/runs/{run}")).await.json();
    assert_eq!(view["reason"], "outputs-failed");
    assert!(view["message"].as_str().unwrap().starts_with("its `values` have none"), "{view}");
}
