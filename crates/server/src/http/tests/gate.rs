//! Every operation, for every kind of caller, in their own project and in another: what is done is what the list of actions says. The
//! operations are read off the description, and one that is not known to say its action fails.

use axum::http::{Method, StatusCode};
use rigi_model::rights::{Action, Grant, Needs, Role};
use serde_json::{Value, json};

use super::TestServer;
use super::crowd::{Kept, deed, role};
use crate::http::openapi::each_operation;
use crate::http::{document, rights};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// With nothing, or with what does not count: a run's own token, one that ended, one that was taken back, one of somebody who is
    /// blocked, one that was cut.
    Nobody,
    OfRun,
    Expired,
    Revoked,
    Blocked,
    Cut,
    /// With an account and no role.
    Stranger,
    /// With this role in `lab`.
    Role(Role),
    /// An owner's token for less.
    Below(Role),
    /// An administrator's token for one project, `lab`, and a role in it.
    BelowAdministrator,
    Administrator,
}

const CALLERS: [Caller; 16] = [
    Caller::Nobody,
    Caller::OfRun,
    Caller::Expired,
    Caller::Revoked,
    Caller::Blocked,
    Caller::Cut,
    Caller::Stranger,
    Caller::Role(Role::Viewer),
    Caller::Role(Role::Runner),
    Caller::Role(Role::Editor),
    Caller::Role(Role::Owner),
    Caller::Below(Role::Viewer),
    Caller::Below(Role::Runner),
    Caller::Below(Role::Editor),
    Caller::BelowAdministrator,
    Caller::Administrator,
];

impl Caller {
    const fn is_nobody(self) -> bool {
        matches!(self, Self::Nobody | Self::OfRun | Self::Expired | Self::Revoked | Self::Blocked | Self::Cut)
    }

    /// Their role in a project as far as what they carry goes.
    fn role_in(self, project: &str) -> Option<Role> {
        match self {
            Self::Role(role) | Self::Below(role) if project != "default" => Some(role),
            Self::BelowAdministrator if project == "lab" => Some(Role::Editor),
            Self::Administrator => Some(Role::Owner),
            _ => None,
        }
    }

    /// What is to come of it, in `lab` or in `default`, where nobody but an administrator is anything.
    fn expected(self, action: Action, project: &str) -> Option<StatusCode> {
        if action.needs() == Needs::Nothing {
            return None;
        }
        if self.is_nobody() {
            return Some(StatusCode::UNAUTHORIZED);
        }
        let archived = (project == "old" && action.adds()).then_some(StatusCode::CONFLICT);
        if self == Self::Administrator {
            return archived;
        }
        let narrowed = matches!(self, Self::Below(_) | Self::BelowAdministrator);
        match (action.needs(), self.role_in(project)) {
            (Needs::WholeAccount, _) => narrowed.then_some(StatusCode::FORBIDDEN),
            (Needs::SignIn | Needs::Nothing, _) => None,
            (Needs::Administrator, _) => Some(StatusCode::FORBIDDEN),
            (Needs::Role(_), None) => Some(StatusCode::NOT_FOUND),
            (Needs::Role(least), Some(role)) if role < least => Some(StatusCode::FORBIDDEN),
            (Needs::Role(_), Some(_)) => archived,
        }
    }

    /// What somebody of this kind carries, made anew.
    async fn key(self, server: &TestServer, number: usize) -> String {
        let name = format!("{self:?} {number}").replace(['(', ')'], " ").replace("  ", " ");
        let in_both = |held: Role| vec![role("lab", held), role("old", held)];
        let owner = || in_both(Role::Owner);
        let (grants, kept) = match self {
            Self::Nobody => return String::new(),
            Self::OfRun => return "run_01ARZ3NDEKTSV4RRFFQ69G5FAV.1.0123456789abcdef".to_owned(),
            Self::Stranger => (vec![], Kept::default()),
            Self::Expired => (owner(), Kept { ended: true, ..Kept::default() }),
            Self::Revoked | Self::Blocked | Self::Cut => (owner(), Kept::default()),
            Self::Role(held) => (in_both(held), Kept::default()),
            Self::Below(most) => (owner(), Kept { most: Some(most), ..Kept::default() }),
            Self::BelowAdministrator => {
                let kept = Kept { project: Some("lab"), most: Some(Role::Editor), ..Kept::default() };
                (vec![Grant::Administrator], kept)
            }
            Self::Administrator => (vec![Grant::Administrator], Kept::default()),
        };
        let person = server.person(&name, grants).await;
        let (key, token) = server.token(&person, kept).await;
        let store = server.state.store();
        match self {
            Self::Revoked => store.remove_token(&token, &deed()).await.unwrap(),
            Self::Blocked => {
                let blocked = rigi_model::people::PersonState::Blocked;
                store.set_person_state(&person, blocked, &deed()).await.unwrap();
            }
            Self::Cut => return key[..key.len() - 1].to_owned(),
            _ => {}
        }
        key
    }
}

/// The server, and a run of each project that has ended. `old` is archived.
async fn server() -> (TestServer, [(&'static str, String); 3]) {
    let projects = [("lab", None), ("old", None)];
    let server = TestServer::start_team(&projects, &["default/fit", "lab/fit", "old/fit"]).await;
    let old = server.run("/projects/old", "fit", json!({}), "succeeded").await;
    let archived = server.call(Method::PATCH, "/projects/old", Some(json!({"archived": true}))).await;
    assert_eq!(archived.json()["state"], "archived");
    let lab = server.run("/projects/lab", "fit", json!({}), "succeeded").await;
    let own = server.run("", "fit", json!({}), "succeeded").await;
    (server, [("lab", lab), ("default", own), ("old", old)])
}

fn body_of(method: &Method, path: &str) -> Option<Value> {
    if *method == Method::PUT && path.ends_with("/secrets/{name}") {
        return Some(json!({"value": "hunter2"}));
    }
    if ![Method::POST, Method::PUT, Method::PATCH].contains(method) {
        return None;
    }
    Some(match path {
        path if path.ends_with("/uploads") => Value::String("x".into()),
        path if path.ends_with("/runs") && !path.contains("/pipelines/") => {
            json!({"runs": [{"pipeline": "fit"}]})
        }
        path if path.ends_with("/secrets/import") => json!({"text": "fit=hunter2"}),
        path if path.ends_with("/repositories") || path.ends_with("/repositories/{name}") => {
            json!({"url": "https://git.example.org/lab/tools.git"})
        }
        path if path.ends_with("/runs/cancel") => json!({"ids": []}),
        _ => json!({}),
    })
}

fn query_of(path: &str) -> &'static str {
    match path {
        path if path.ends_with("/log/search") => "?q=x",
        path if path.ends_with("/uploads") => "?name=x.csv",
        path if path.ends_with("/versions/{version}/file") => "?path=x",
        path if path.ends_with("/system/gc") => "?dry_run=true",
        _ => "",
    }
}

#[tokio::test]
async fn what_is_done_is_what_the_list_of_actions_says() {
    let (server, projects) = server().await;
    let mut keys = Vec::new();
    for caller in CALLERS {
        keys.push((caller, caller.key(&server, 0).await));
    }
    let (mut cells, mut wrong, mut operations) = (0, Vec::new(), 0);
    let document = document();
    for (method, path, operation) in each_operation(&document).filter(|(method, ..)| *method != Method::HEAD)
    {
        operations += 1;
        let action = rights::action_of(operation);
        let action = action.unwrap_or_else(|| panic!("{method} {path} does not say what it does"));
        let signs_out = method == Method::DELETE && path == "/api/v1/session";
        for (caller, key) in &keys {
            for (project, run) in &projects {
                // Who has signed out carries nothing any more.
                let key = if signs_out { &caller.key(&server, cells + 1).await } else { key };
                // Without a project in its path, what has no id of its own is that of `default`.
                let named = path.contains("{project}");
                let by_id = path.starts_with("/api/v1/runs/{id}");
                let within = if named || by_id { project } else { "default" };
                let filled = path.replace("{project}", project).replace("{id}", run).replace("{name}", "fit");
                let filled = filled
                    .replace("{who}", "nobody@example.org")
                    .replace("{person}", "nobody")
                    .replace("{pipeline}", "fit")
                    .replace("{schedule}", "nightly")
                    .replace("{trigger}", "inbox")
                    .replace("{dataset}", "sea")
                    .replace("{version}", "1")
                    .replace("{tag}", "published")
                    .replace("{step}", "count")
                    .replace("{other}", run)
                    .replace("{backfill}", "bkf_1")
                    .replace("{upload}", "upl_1")
                    .replace("{channel}", "team")
                    .replace("{rule}", "failures")
                    .replace("{notice}", "ntc_1")
                    .replace("{key}", "ci")
                    .replace("{webhook}", "pushes")
                    .replace("{delivery}", "one")
                    .replace("{code}", "BCDF-GHJK");
                let filled = filled
                    .replace("{token}", "tok")
                    .replace("{path}", if path.contains("code") { "main.py" } else { "result.txt" });
                assert!(!filled.contains('{'), "an operation with another parameter: {path}");
                let filled = filled.trim_start_matches("/api/v1").to_owned();
                let address = format!("{filled}{}", query_of(path));
                let answer = server.call_as(key, method.clone(), &address, body_of(&method, path)).await;
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
    println!("{cells} cells of {operations} operations, {} callers and 3 projects", CALLERS.len());
    assert_eq!(wrong, Vec::<String>::new(), "of {cells}");
    assert!(cells > 5000, "{cells}");
}

#[tokio::test]
async fn a_foreign_project_answers_as_one_that_is_not_there() {
    let (server, [(_, lab), ..]) = server().await;
    let key = Caller::Stranger.key(&server, 0).await;
    let ask = async |path: String| {
        let answer = server.call_as(&key, Method::GET, &path, None).await;
        let mut body = answer.json();
        body.as_object_mut().map(|body| body.remove("request_id"));
        (answer.status, body.to_string())
    };
    for (there, absent) in [("lab", "gone"), ("default", "none")] {
        for below in ["", "/runs", "/events", "/pipelines/fit", "/runs/cancel", "/members", "/activity"] {
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
    let all = server.call_as(&key, Method::GET, "/projects", None).await;
    assert_eq!(all.json()["items"], json!([]));
    let viewer = Caller::Role(Role::Viewer).key(&server, 0).await;
    let all = server.call_as(&viewer, Method::GET, "/projects", None).await.json();
    let names: Vec<_> =
        all["items"].as_array().unwrap().iter().map(|project| project["name"].clone()).collect();
    assert_eq!(names, ["lab", "old"]);
}

#[tokio::test]
async fn what_somebody_does_is_remembered_by_their_name() {
    let (server, _) = server().await;
    let path = "/projects/lab/pipelines/fit/runs";
    let key = Caller::Role(Role::Runner).key(&server, 7).await;
    let run = server.call_as(&key, Method::POST, path, Some(json!({}))).await;
    assert_eq!(run.json()["trigger"]["by"], "Role Runner 7");
}
