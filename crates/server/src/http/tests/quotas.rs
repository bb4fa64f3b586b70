//! Quotas of projects: what waits, what is refused, what is shown.

use axum::http::{Method, StatusCode};
use rigi_engine::Settings;
use rigi_engine::quota::Quota;
use rigi_model::ProjectName;
use rigi_model::project::ProjectSettings;
use rigi_work::plan::PlanLimits;
use serde_json::{Value, json};

use super::TestServer;

const GIB: u64 = 1 << 30;

async fn lab(runs: Option<u64>, change: impl FnOnce(&mut Settings, ProjectName)) -> TestServer {
    let lab = "lab".parse::<ProjectName>().unwrap();
    let change = |settings: &mut Settings| change(settings, lab);
    TestServer::start_with(&[("lab", runs)], &["default/fit", "lab/fit"], change).await
}

fn set(settings: &mut Settings, project: ProjectName, quota: Quota) {
    settings.projects.set(project, ProjectSettings { quota, ..ProjectSettings::default() });
}

fn many(count: u64) -> Option<Value> {
    Some(json!({"runs": [{"pipeline": "fit", "count": count}]}))
}

#[tokio::test]
async fn a_run_waits_for_cores_of_its_project_and_says_how_many() {
    let server = lab(None, |settings, lab| {
        settings.limits = PlanLimits { cpu: Some(1.5), memory: Some(GIB), ..PlanLimits::default() };
        set(settings, lab, Quota { cpu: Some(2.0), memory: Some(4 * GIB), ..Quota::default() });
    })
    .await;
    let first = server.run("/projects/lab", "fit", json!({"parameters": {"hold": true}}), "running").await;
    let second = server.run("/projects/lab", "fit", json!({}), "queued").await;
    let waiting = server.get(&format!("/projects/lab/runs/{second}")).await.json();
    assert_eq!(waiting["reason"], "project-quota");
    let words = "1st of 1, needs 1.5 cores of the project's cpu, and 0.5 cores of 2 cores are free";
    assert_eq!(waiting["message"], words);
    assert_eq!(waiting["queue"], json!({"position": 1, "waiting": 1}));
    let shown = server.get("/projects/lab/usage").await.json();
    assert_eq!((&shown["cpu"], &shown["quota"]["cpu"]), (&json!(1.5), &json!(2.0)));
    assert_eq!((&shown["memory"], &shown["quota"]["memory"]), (&json!(GIB), &json!(4 * GIB)));
    assert_eq!(shown["people"], json!([{"name": "you", "queued": 1, "active": 1}]));
    server.run("", "fit", json!({}), "succeeded").await;
    let mut commits = server.state.store().commits();
    server.post(&format!("/projects/lab/runs/{first}/cancel"), json!({})).await;
    server.until(&format!("/projects/lab/runs/{second}"), "succeeded", &mut commits).await;
    assert_eq!(server.get("/projects/lab/usage").await.json()["cpu"], 0.0);
}

#[tokio::test]
async fn more_than_may_wait_is_refused_as_a_whole() {
    let server = lab(Some(1), |settings, lab| {
        set(settings, lab, Quota { runs: Some(1), queued: Some(3), ..Quota::default() });
    })
    .await;
    server.run("/projects/lab", "fit", json!({"parameters": {"hold": true}}), "running").await;
    let ask = async |count: u64, key: Option<&str>| {
        server.call_once(Method::POST, "/projects/lab/runs", many(count), key).await
    };
    let waiting = async || server.get("/projects/lab").await.json()["queued"].as_u64().unwrap();
    assert_eq!(ask(4, None).await.status, StatusCode::CONFLICT);
    assert_eq!(waiting().await, 0);
    let two = ask(2, Some("the same")).await;
    assert_eq!((two.status, waiting().await), (StatusCode::ACCEPTED, 2));
    let refused = ask(2, None).await.json();
    assert_eq!(refused["code"], "quota-exceeded");
    let words =
        "3 runs of the project `lab` may wait: 2 do, and 2 more are asked for (`projects.lab.queued`)";
    assert_eq!(refused["detail"], words);
    // What was accepted is accepted.
    assert_eq!(ask(2, Some("the same")).await.json(), two.json());
    assert_eq!(waiting().await, 2);
    let first = two.json()["ids"][0].as_str().unwrap().to_owned();
    server.post(&format!("/projects/lab/runs/{first}/cancel"), json!({})).await;
    // Two may wait, whoever of many comes first.
    let all = futures_util::future::join_all((0..20).map(|_| ask(1, None))).await;
    assert_eq!(all.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count(), 2);
    assert_eq!(waiting().await, 3);
    assert_eq!(server.get("/projects/lab/usage").await.json()["quota"]["queued"], 3);
    assert_eq!(server.call_once(Method::POST, "/runs", many(50), None).await.status, StatusCode::ACCEPTED);
}

/// What an operator sets, and what a refusal says.
type Case = (fn(&mut Quota), &'static str);

#[tokio::test]
async fn what_no_run_may_have_is_refused_at_the_door() {
    let limits = PlanLimits { cpu: Some(4.0), memory: Some(4 * GIB), ..PlanLimits::default() };
    let cases: [Case; 5] = [
        (
            |quota| quota.max_cpu = Some(2.0),
            "`limits.cpu` of `fit` is 4 cores, and a run of the project `lab` may have 2 cores at most (`projects.lab.max_cpu`)",
        ),
        (
            |quota| quota.max_memory = Some(2 * GIB),
            "`limits.memory` of `fit` is 4 GiB, and a run of the project `lab` may have 2 GiB at most (`projects.lab.max_memory`)",
        ),
        (
            |quota| quota.max_timeout_ms = Some(60_000),
            "`fit` has no `timeout`, and a run of the project `lab` may have 1m at most (`projects.lab.max_timeout`)",
        ),
        (
            |quota| quota.cpu = Some(3.0),
            "`limits.cpu` of `fit` is 4 cores, and all runs of the project `lab` together may have 3 cores (`projects.lab.cpu`)",
        ),
        (
            |quota| quota.memory = Some(GIB),
            "`limits.memory` of `fit` is 4 GiB, and all runs of the project `lab` together may have 1 GiB (`projects.lab.memory`)",
        ),
    ];
    for (change, words) in cases {
        let server = lab(None, |settings, lab| {
            settings.limits = limits.clone();
            let mut quota = Quota::default();
            change(&mut quota);
            set(settings, lab, quota);
        })
        .await;
        let refused = server.post("/projects/lab/pipelines/fit/runs", json!({})).await;
        let problem = refused.json();
        assert_eq!((refused.status, &problem["code"]), (StatusCode::CONFLICT, &json!("quota-exceeded")));
        assert_eq!(problem["detail"], words);
        server.run("", "fit", json!({}), "succeeded").await;
    }
}
