//! Every operation, for every kind of caller, in their own project and in another: what is done is what the list of actions says. The
//! operations are read off the description, and one that is not known to say its action fails.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use rigi_model::rights::{Action, Needs, Role, Standing};
use rigi_model::{Actor, ProjectName};
use serde_json::{Value, json};

use super::TestServer;
use crate::http::openapi::each_operation;
use crate::http::{Principal, document, rights};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// Without a token, or with one that is none.
    Nobody,
    Stranger,
    /// With this role in `lab`.
    Role(Role),
    Administrator,
}

const CALLERS: [Caller; 7] = [
    Caller::Nobody,
    Caller::Stranger,
    Caller::Role(Role::Viewer),
    Caller::Role(Role::Runner),
    Caller::Role(Role::Editor),
    Caller::Role(Role::Owner),
    Caller::Administrator,
];

impl Caller {
    fn token(self) -> String {
        format!("token of {self:?}")
    }

    fn standing(self) -> Standing {
        match self {
            Self::Nobody | Self::Stranger => Standing::default(),
            Self::Role(role) => {
                Standing { administrator: false, roles: [(ProjectName::unchecked("lab"), role)].into() }
            }
            Self::Administrator => Standing::administrator(),
        }
    }

    /// What is to come of it, in `lab` or in `default`, where nobody but an administrator is anything.
    fn expected(self, action: Action, project: &str) -> Option<StatusCode> {
        let role = match self {
            Self::Nobody => return Some(StatusCode::UNAUTHORIZED),
            Self::Administrator => return None,
            Self::Role(role) if project == "lab" => Some(role),
            Self::Role(_) | Self::Stranger => None,
        };
        match (action.needs(), role) {
            (Needs::SignIn, _) => None,
            (Needs::Administrator, _) => Some(StatusCode::FORBIDDEN),
            (Needs::Role(_), None) => Some(StatusCode::NOT_FOUND),
            (Needs::Role(least), Some(role)) => (role < least).then_some(StatusCode::FORBIDDEN),
        }
    }
}

/// The server, and a run of each project that has ended.
async fn server() -> (TestServer, [(&'static str, String); 2]) {
    let principal = |caller: Caller| {
        let actor = Actor::named(format!("{caller:?}"));
        (caller.token(), Principal { actor, standing: Arc::new(caller.standing()) })
    };
    let known = CALLERS.into_iter().filter(|caller| *caller != Caller::Nobody).map(principal).collect();
    let server = TestServer::start_for(&[("lab", None)], &["default/fit", "lab/fit"], known).await;
    let lab = server.run("/projects/lab", "fit", json!({}), "succeeded").await;
    let own = server.run("", "fit", json!({}), "succeeded").await;
    (server, [("lab", lab), ("default", own)])
}

fn body_of(method: &Method, path: &str) -> Option<Value> {
    if *method == Method::PUT && path.ends_with("/secrets/{name}") {
        return Some(json!({"value": "hunter2"}));
    }
    if *method != Method::POST {
        return None;
    }
    Some(match path {
        path if path.ends_with("/uploads") => Value::String("x".into()),
        path if path.ends_with("/runs") && !path.contains("/pipelines/") => {
            json!({"runs": [{"pipeline": "fit"}]})
        }
        path if path.ends_with("/secrets/import") => json!({"text": "fit=hunter2"}),
        path if path.ends_with("/runs/cancel") => json!({"ids": []}),
        _ => json!({}),
    })
}

#[tokio::test]
async fn what_is_done_is_what_the_list_of_actions_says() {
    let (server, projects) = server().await;
    let (mut cells, mut wrong) = (0, Vec::new());
    let document = document();
    for (method, path, operation) in each_operation(&document).filter(|(method, ..)| *method != Method::HEAD)
    {
        let action = rights::action_of(operation);
        let action = action.unwrap_or_else(|| panic!("{method} {path} does not say what it does"));
        for caller in CALLERS {
            for (project, run) in &projects {
                // Without a project in its path, what has no id of its own is that of `default`.
                let named = path.contains("{project}");
                let by_id = path.starts_with("/api/v1/runs/{id}");
                let within = if named || by_id { project } else { "default" };
                let filled = path.replace("{project}", project).replace("{id}", run).replace("{name}", "fit");
                let filled =
                    filled.replace("{path}", if path.contains("code") { "main.py" } else { "result.txt" });
                let filled = filled.trim_start_matches("/api/v1").to_owned();
                let query = match path {
                    path if path.ends_with("/log/search") => "?q=x",
                    path if path.ends_with("/uploads") => "?name=x.csv",
                    path if path.ends_with("/system/gc") => "?dry_run=true",
                    _ => "",
                };
                let answer = server
                    .call_as(
                        &caller.token(),
                        method.clone(),
                        &format!("{filled}{query}"),
                        body_of(&method, path),
                    )
                    .await;
                let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
                // What is not there for anybody answers so to those who may: only that they are not refused is said here.
                let found = match caller.expected(action, within) {
                    Some(expected) => answer.status == expected,
                    None => {
                        !refused.contains(&answer.status) && !answer.text().contains("there is no project")
                    }
                };
                cells += 1;
                if !found {
                    wrong.push(format!("{method} {path} as {caller:?} in {within}: {}", answer.status));
                }
                assert!(!answer.status.is_server_error(), "{method} {path}: {}", answer.text());
            }
        }
    }
    println!("{cells} cells of operations, callers and projects");
    assert_eq!(wrong, Vec::<String>::new(), "of {cells}");
    assert!(cells > 700, "{cells}");
}

#[tokio::test]
async fn a_foreign_project_answers_as_one_that_is_not_there() {
    let (server, [(_, lab), _]) = server().await;
    let ask = async |path: String| {
        let answer = server.call_as(&Caller::Stranger.token(), Method::GET, &path, None).await;
        let mut body = answer.json();
        body.as_object_mut().map(|body| body.remove("request_id"));
        (answer.status, body.to_string())
    };
    for (there, absent) in [("lab", "gone"), ("default", "none")] {
        for below in ["", "/runs", "/events", "/pipelines/fit", "/runs/cancel"] {
            let (status, text) = ask(format!("/projects/{there}{below}")).await;
            let (other, words) = ask(format!("/projects/{absent}{below}")).await;
            assert_eq!(
                (status, text.replace(there, "IT")),
                (other, words.replace(absent, "IT")),
                "{there}{below}"
            );
        }
    }
    let absent = "run_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let (status, text) = ask(format!("/runs/{lab}")).await;
    let (other, words) = ask(format!("/runs/{absent}")).await;
    assert_eq!((status, text.replace(&lab, "IT")), (other, words.replace(absent, "IT")));
    let all = server.call_as(&Caller::Stranger.token(), Method::GET, "/projects", None).await;
    assert_eq!(all.json()["items"], json!([]));
    let all = server.call_as(&Caller::Role(Role::Viewer).token(), Method::GET, "/projects", None).await;
    assert_eq!(all.json()["items"][0]["name"], "lab");
}

#[tokio::test]
async fn what_somebody_does_is_remembered_by_their_name() {
    let (server, _) = server().await;
    let path = "/projects/lab/pipelines/fit/runs";
    let token = Caller::Role(Role::Runner).token();
    let run = server.call_as(&token, Method::POST, path, Some(json!({}))).await;
    assert_eq!(run.json()["trigger"]["by"], "Role(Runner)");
}
