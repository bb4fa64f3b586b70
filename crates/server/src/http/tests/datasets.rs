//! Datasets: versions of contents, changes, tags, what runs are given and what they leave, and what was made of what.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::TestServer;
use super::follow::{server, settled};

fn sha(content: &str) -> String {
    rigi_model::hash::hex(&Sha256::digest(content.as_bytes()))
}

fn file(path: &str, content: &str) -> Value {
    json!({"path": path, "sha256": sha(content), "size": content.len()})
}

fn tar(contents: &[&str]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for content in contents {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append_data(&mut header, "x", content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

async fn store(server: &TestServer, contents: &[&str]) {
    let answer = server.bring("/contents", Body::from(tar(contents))).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}

async fn put(server: &TestServer, name: &str, files: &[(&str, &str)]) -> Value {
    store(server, &files.iter().map(|(_, content)| *content).collect::<Vec<_>>()).await;
    let files: Vec<Value> = files.iter().map(|(path, content)| file(path, content)).collect();
    let answer = server.post(&format!("/datasets/{name}/versions"), json!({"files": files})).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    answer.json()
}

async fn names(server: &TestServer, path: &str) -> Vec<String> {
    let page = server.get(path).await.json();
    page["items"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn versions_hold_what_they_were_given_for_good() {
    let server = server(&[]).await;
    let wanted = json!({"contents": [{"sha256": sha("one"), "size": 3}, {"sha256": sha("two"), "size": 3}]});
    store(&server, &["one"]).await;
    let missing = server.post("/contents/missing", wanted).await.json();
    assert_eq!(missing["contents"], json!([{"sha256": sha("two"), "size": 3}]));
    let early = server.post("/datasets/sea/versions", json!({"files": [file("b", "two")]})).await;
    assert_eq!((early.status, early.json()["code"].clone()), (StatusCode::CONFLICT, json!("state-conflict")));
    assert_eq!(early.json()["errors"][0]["sha256"], sha("two"));

    let first = put(&server, "sea%2Flevel", &[("a", "one"), ("d/b", "two"), ("d/e/c", "three")]).await;
    assert_eq!(
        (&first["version"], &first["files"], &first["bytes"], &first["is_new"]),
        (&json!(1), &json!(3), &json!(11), &json!(true))
    );
    let same = put(&server, "sea%2Flevel", &[("d/e/c", "three"), ("a", "one"), ("d/b", "two")]).await;
    assert_eq!((&same["version"], &same["is_new"]), (&json!(1), &json!(false)));
    store(&server, &["four"]).await;
    let change = json!({"base": "latest", "files": [file("d/b", "four")], "remove": ["d/e"], "note": "less"});
    let second = server.post("/datasets/sea%2Flevel/versions", change).await.json();
    assert_eq!(
        (&second["version"], &second["files"], &second["made_from"]),
        (&json!(2), &json!(2), &json!("change"))
    );

    let at = "/datasets/sea%2Flevel/versions";
    assert_eq!(names(&server, &format!("{at}/1/files")).await, ["a", "d"]);
    assert_eq!(names(&server, &format!("{at}/1/files?path=d")).await, ["d/b", "d/e"]);
    assert_eq!(names(&server, &format!("{at}/latest/files?recursive=1")).await, ["a", "d/b"]);
    let page = server.get(&format!("{at}/1/files?recursive=1&limit=2")).await.json();
    assert_eq!(page["next_cursor"], "d/b");
    assert_eq!(names(&server, &format!("{at}/1/files?recursive=1&cursor=d%2Fb")).await, ["d/e/c"]);
    assert_eq!(server.get(&format!("{at}/1/file?path=d/b")).await.text(), "two");
    assert_eq!(server.get(&format!("{at}/2/file?path=d/b")).await.text(), "four");
    for gone in ["2/file?path=d/e/c", "1/file?path=d", "9/files", "1/files?path=none", "none/files"] {
        assert_eq!(server.get(&format!("{at}/{gone}")).await.status, StatusCode::NOT_FOUND, "{gone}");
    }
    let diff = server.get("/datasets/sea%2Flevel/diff").await.json();
    let told: Vec<String> = diff["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["path"], one["kind"], one["of"]).replace('"', ""))
        .collect();
    assert_eq!(told, ["d/b changed file", "d/e removed folder"]);

    let tagged =
        server.call(Method::PUT, "/datasets/sea%2Flevel/tags/published", Some(json!({"version": 1}))).await;
    assert_eq!(tagged.json()["tags"], json!({"published": 1}));
    assert_eq!(names(&server, &format!("{at}/published/files")).await, ["a", "d"]);
    let protected = server
        .call(
            Method::PATCH,
            "/datasets/sea%2Flevel",
            Some(json!({"protected": true, "description": "levels"})),
        )
        .await;
    assert_eq!(protected.json()["protected"], true);
    assert_eq!(server.call(Method::DELETE, &format!("{at}/1"), None).await.status, StatusCode::CONFLICT);
    server.call(Method::PATCH, "/datasets/sea%2Flevel", Some(json!({"protected": false}))).await;
    assert_eq!(server.call(Method::DELETE, &format!("{at}/2"), None).await.status, StatusCode::NO_CONTENT);
    // Its number is not given again.
    assert_eq!(put(&server, "sea%2Flevel", &[("z", "four")]).await["version"], 3);
    assert_eq!(
        server.call(Method::DELETE, "/datasets/sea%2Flevel", None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(server.get("/datasets").await.json()["items"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_adds_nothing() {
    let server = server(&[]).await;
    store(&server, &["x"]).await;
    for (name, body, why) in [
        ("Big", json!({"files": []}), "is no name of a dataset"),
        ("a", json!({"files": [file("../a", "x")]}), "`..`"),
        ("a", json!({"files": [file("/a", "x")]}), "empty part"),
        ("a", json!({"files": [file("a\u{7}", "x")]}), "control character"),
        ("a", json!({"files": [file("a", "x"), file("a", "x")]}), "stands twice"),
        ("a", json!({"files": [file("a", "x"), file("A", "x")]}), "differ by case"),
        ("a", json!({"files": [file("a", "x"), file("a/b", "x")]}), "a file and a folder"),
        ("a", json!({"files": [{"path": "a", "sha256": "zz", "size": 1}]}), "is no hash"),
        ("a", json!({"files": [{"path": "a", "sha256": sha("x"), "size": 2}]}), "not stored yet"),
        ("a", json!({"files": [], "remove": ["x"]}), "without a `base`"),
        ("a", json!({"files": [], "base": "1"}), "there is no"),
        ("a", json!({"files": [], "base": "-"}), "neither a number nor a tag"),
        ("a", json!({"files": [], "note": "x".repeat(3000)}), "characters"),
    ] {
        let answer = server.post(&format!("/datasets/{name}/versions"), body.clone()).await;
        assert!(answer.status.is_client_error(), "{body}");
        assert!(answer.text().contains(why), "{body}: {}", answer.text());
    }
    assert_eq!(server.get("/datasets").await.json()["items"], json!([]));
    let broken = server.bring("/contents", Body::from(tar(&["kept", "broken"])[..1538].to_vec())).await;
    assert_eq!(broken.status, StatusCode::BAD_REQUEST, "{}", broken.text());
    let missing =
        json!({"contents": [{"sha256": sha("kept"), "size": 4}, {"sha256": sha("broken"), "size": 6}]});
    let missing = server.post("/contents/missing", missing).await.json();
    assert_eq!(missing["contents"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn runs_are_given_versions_leave_versions_and_the_way_is_known() {
    let fit = "inputs: {table: {multiple: true}}\nparameters: {tell: {type: boolean, default: true}}\n";
    let make = "parameters: {n: {type: integer, default: 1}}\noutputs: {result.d: {dataset: made}}\n";
    let server = server(&[("fit", fit), ("make", make)]).await;
    put(&server, "sea", &[("2024/may.csv", "1"), ("2024/june.csv", "2"), ("2025/may.csv", "3")]).await;
    let given = |dataset: &str| json!({"inputs": {"table": [{"dataset": dataset}]}});
    let run = server.run("", "fit", given("sea@1:2024"), "succeeded").await;
    let view = server.get(&format!("/runs/{run}")).await.json();
    let files: Vec<String> = view["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["name"], one["dataset"]).replace('"', ""))
        .collect();
    assert_eq!(files, ["june.csv sea@1", "may.csv sea@1"]);
    for (wrong, why) in [
        ("none", "there is no"),
        ("sea@7", "there is no"),
        ("sea:none", "has nothing at"),
        ("Sea", "is no name"),
    ] {
        let answer = server.post("/pipelines/fit/runs", given(wrong)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text());
        assert!(answer.text().contains(why), "{}", answer.text());
    }
    let both = json!({"inputs": {"table": [{"dataset": "sea", "name": "x"}]}});
    assert_eq!(server.post("/pipelines/fit/runs", both).await.status, StatusCode::BAD_REQUEST);
    // A run again is given the same, whatever has come since.
    put(&server, "sea", &[("2024/may.csv", "9")]).await;
    let again = server.post(&format!("/runs/{run}/rerun"), json!({})).await.json();
    assert_eq!(again["inputs"][0]["dataset"], "sea@1");

    let lineage = server.get("/datasets/sea/versions/1/lineage").await.json();
    let edges: Vec<String> = lineage["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["from"], one["by"]).replace('"', ""))
        .collect();
    assert_eq!(edges, ["sea@1 table", "sea@1 table"]);
    let none = server.run("", "make", json!({}), "succeeded").await;
    settled(&server).await;
    let story = server.get(&format!("/runs/{none}/events")).await.text();
    assert!(story.contains("the run left nothing in `result.d`"), "{story}");
}

#[tokio::test]
async fn a_zip_has_a_known_length_and_goes_on_where_it_broke_off() {
    let server = server(&[]).await;
    let large = "0123456789".repeat(100_000);
    put(&server, "z", &[("a/é.txt", "small"), ("b.bin", &large), ("c/d/e.txt", "last")]).await;
    let ask = async |range: Option<String>| {
        let mut request = Request::builder()
            .uri("/api/v1/datasets/z/versions/1/zip")
            .header(header::AUTHORIZATION, format!("Bearer {}", super::server::TOKEN));
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        let answer = server.send(request, "").await;
        let length = answer.headers()[header::CONTENT_LENGTH].to_str().unwrap().parse::<usize>().unwrap();
        let status = answer.status();
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        assert_eq!(bytes.len(), length);
        (status, bytes)
    };
    let (status, whole) = ask(None).await;
    assert_eq!(status, StatusCode::OK);
    let mut parts = Vec::new();
    while parts.len() < whole.len() {
        let until = (parts.len() + whole.len() / 7).min(whole.len() - 1);
        let (status, part) = ask(Some(format!("bytes={}-{until}", parts.len()))).await;
        assert_eq!(status, StatusCode::PARTIAL_CONTENT);
        parts.extend(part);
    }
    assert!(parts == whole);
    // Another program reads it.
    let data = tempfile::tempdir().unwrap();
    let zip = data.path().join("all.zip");
    std::fs::write(&zip, &whole).unwrap();
    let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print([(i.filename, i.file_size) for i in z.infolist()])";
    let out = std::process::Command::new("python3").args(["-c", script]).arg(&zip).output().unwrap();
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(
        told.trim(),
        "[('a/é.txt', 5), ('b.bin', 1000000), ('c/d/e.txt', 4)]",
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
}
