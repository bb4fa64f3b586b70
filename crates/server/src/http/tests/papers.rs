//! Runs for papers: what is told of one, as a crate, and whether two left the same.

use std::collections::BTreeMap;
use std::io::Read as _;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::TestServer;
use super::follow::server;

const FIT: &str = "parameters: {say: {type: string, default: same}, password: {type: string, secret: true, default: none}, hold: {type: boolean, default: false}}\n";

async fn fitted(server: &TestServer, parameters: Value) -> String {
    let body = json!({"parameters": parameters});
    server.run("", "fit", body, "succeeded").await
}

/// The files of a zip that is not packed, by name.
fn unpacked(mut bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let number = |at: usize, length: usize, bytes: &[u8]| {
        bytes[at..at + length].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    // What stands behind all files says where each is.
    let central = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    let whole = bytes;
    bytes = &bytes[central..];
    let mut files = BTreeMap::new();
    while bytes.starts_with(b"PK\x01\x02") {
        let (size, name, extra) = (number(24, 4, bytes), number(28, 2, bytes), number(30, 2, bytes));
        let at = number(42, 4, bytes);
        let path = String::from_utf8(bytes[46..46 + name].to_vec()).unwrap();
        let from = at + 30 + number(at + 26, 2, whole) + number(at + 28, 2, whole);
        let mut content = Vec::new();
        (&whole[from..from + size]).read_to_end(&mut content).unwrap();
        files.insert(path, content);
        bytes = &bytes[46 + name + extra..];
    }
    files
}

#[tokio::test]
async fn a_run_is_told_with_what_differs_and_nothing_that_is_secret() {
    let server = server(&[("fit", FIT)]).await;
    let run = fitted(&server, json!({"say": "new", "password": "hunter2"})).await;
    let told = server.get(&format!("/runs/{run}/citation")).await;
    assert!(!told.text().contains("hunter2"), "{}", told.text());
    let told = told.json();
    let first = &told["runs"][0];
    assert_eq!(
        (&first["pipeline"], &first["kind"], &first["does"]),
        (&json!("fit"), &json!("script"), &json!("main.py"))
    );
    let of = |name: &str| {
        first["parameters"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
    };
    assert_eq!(of("say"), json!({"name": "say", "value": "new", "default": "same", "changed": true}));
    assert_eq!((&of("hold")["changed"], &of("password")["value"]), (&json!(false), &json!("***")));
    assert_eq!(first["outputs"][0]["path"], "result.txt");
    let text = told["text"].as_str().unwrap();
    assert!(text.contains("say = new (default same)") && text.contains("result.txt"), "{text}");
}

#[tokio::test]
async fn a_crate_holds_what_it_describes_and_any_part_of_it_may_be_asked_for() {
    let server = server(&[("fit", FIT)]).await;
    let run = fitted(&server, json!({"password": "hunter2"})).await;
    let whole = server.get(&format!("/runs/{run}/crate")).await;
    assert_eq!(whole.status, StatusCode::OK);
    assert_eq!(server.get(&format!("/runs/{run}/crate")).await.bytes, whole.bytes);
    let files = unpacked(&whole.bytes);
    let metadata: Value = serde_json::from_slice(&files["ro-crate-metadata.json"]).unwrap();
    let graph = metadata["@graph"].as_array().unwrap();
    assert!(
        !metadata.to_string().contains("null") && !metadata.to_string().contains("hunter2"),
        "{metadata}"
    );
    for file in graph.iter().filter(|one| one["@type"] == "File") {
        assert!(files.contains_key(file["@id"].as_str().unwrap()), "{file}");
    }
    assert_eq!(String::from_utf8_lossy(&files["outputs/result.txt"]), "same");
    let action = graph.iter().find(|one| one["@type"] == "CreateAction").unwrap();
    assert_eq!(action["result"], json!([{"@id": "outputs/result.txt"}]));
    let long = server.get(&format!("/runs/{run}/crate?license={}", "x".repeat(400))).await;
    assert_eq!(long.json()["code"], "request-invalid");
    let licensed = server.get(&format!("/runs/{run}/crate?license=CC0")).await;
    let files = unpacked(&licensed.bytes);
    assert!(String::from_utf8_lossy(&files["ro-crate-metadata.json"]).contains("\"license\": \"CC0\""));
}

#[tokio::test]
async fn what_has_not_ended_is_neither_packed_nor_compared() {
    let server = server(&[("fit", FIT)]).await;
    let held = server.run("", "fit", json!({"parameters": {"hold": true}}), "running").await;
    let ended = fitted(&server, json!({})).await;
    for path in [
        format!("/runs/{held}/crate"),
        format!("/runs/{ended}/compare/{held}"),
        format!("/runs/{held}/compare/{ended}"),
    ] {
        let answer = server.get(&path).await;
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (StatusCode::CONFLICT, json!("state-conflict")),
            "{path}"
        );
    }
    let again = server.post(&format!("/runs/{held}/reproduce"), json!({})).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(server.get(&format!("/runs/{held}/citation")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_reproduction_is_the_same_run_again_and_differences_are_told() {
    let server = server(&[("fit", FIT)]).await;
    let run = fitted(&server, json!({"password": "hunter2"})).await;
    let again = server.post(&format!("/runs/{run}/reproduce"), json!({})).await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    let again = again.json()["id"].as_str().unwrap().to_owned();
    server.when(&format!("/runs/{again}"), |view| view["state"] == "succeeded").await;
    let same = server.get(&format!("/runs/{run}/compare/{again}")).await.json();
    assert_eq!(
        (&same["equal"], &same["differs_in"], &same["secrets"]),
        (&json!(true), &json!([]), &json!([])),
        "{same}"
    );
    let other = fitted(&server, json!({"say": "another"})).await;
    let told = server.get(&format!("/runs/{run}/compare/{other}")).await.json();
    assert_eq!(
        (&told["equal"], &told["counts"]["differs"], &told["files"][0]["verdict"]),
        (&json!(false), &json!(1), &json!("differs"))
    );
    assert_eq!(told["differs_in"], json!(["parameters"]));
    let foreign = server.get(&format!("/runs/{run}/compare/run_01ARZ3NDEKTSV4RRFFQ69G5FAV")).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
}
