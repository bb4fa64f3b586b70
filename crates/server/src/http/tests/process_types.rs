//! Process types, and inputs that take files of certain formats.

use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::TestServer;

const SPEC: &str = "description: Finds peaks.\ntags: [ms]\n\
    parameters:\n  width: {type: number, default: 0.5, minimum: 0, x-section: algorithm, x-advanced: true}\n\
    \x20 key: {type: string, secret: true, default: hunter2}\n\
    inputs:\n  in: {formats: [mzML, mzXML], description: Spectra.}\n  more: {required: false, multiple: true}\n\
    outputs:\n  out: {formats: [featureXML]}\n";

async fn server() -> TestServer {
    let server = TestServer::start(&[("lab", None)], &["default/fit", "lab/pick"]).await;
    std::fs::write(server.folder().join("lab/pick/pipeline.yaml"), SPEC).unwrap();
    server
}

#[tokio::test]
async fn a_process_type_is_json_schemas_of_what_goes_in_and_comes_out() {
    let server = server().await;
    let found = server.get("/projects/lab/process-types/pick").await;
    assert_eq!(found.status, StatusCode::OK, "{}", found.text());
    let found = found.json();
    assert_eq!((&found["name"], &found["kind"]), (&json!("pick"), &json!("script")));
    assert_eq!((&found["description"], &found["tags"]), (&json!("Finds peaks."), &json!(["ms"])));
    for schema in ["inputs", "parameters", "outputs"] {
        assert!(jsonschema_is_valid(&found[schema]), "{schema}: {}", found[schema]);
    }
    let width = &found["parameters"]["properties"]["width"];
    assert_eq!((&width["x-section"], &width["x-advanced"]), (&json!("algorithm"), &json!(true)));
    assert!(!found.to_string().contains("hunter2"));
    let inputs = &found["inputs"];
    assert_eq!(inputs["required"], json!(["in"]));
    assert_eq!(inputs["properties"]["in"]["x-formats"], json!(["mzML", "mzXML"]));
    assert_eq!(inputs["properties"]["in"]["maxItems"], 1);
    assert_eq!(inputs["properties"]["more"]["maxItems"], Value::Null);
    assert_eq!(found["outputs"]["properties"]["out"]["x-formats"], json!(["featureXML"]));
}

fn jsonschema_is_valid(schema: &Value) -> bool {
    schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        && rigi_model::parameters::ParameterSchema::compile(schema).is_ok()
}

#[tokio::test]
async fn a_list_of_them_is_each_projects_own_and_comes_in_pages() {
    let server = TestServer::start(&[("lab", None)], &["default/a", "default/b", "default/c", "lab/d"]).await;
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = server.get("/process-types?limit=2").await.json();
    assert_eq!(names(&first), ["a", "b"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = server.get(&format!("/process-types?limit=2&cursor={cursor}")).await.json();
    assert_eq!((names(&second), &second["next_cursor"]), (vec!["c".to_owned()], &Value::Null));
    assert_eq!(names(&server.get("/projects/lab/process-types").await.json()), ["d"]);
    assert_eq!(names(&server.get("/process-types?q=B").await.json()), ["b"]);
    assert_eq!(server.get("/process-types?limit=1000").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(server.get("/process-types/d").await.status, StatusCode::NOT_FOUND);
    // A pipeline with a mistake is none.
    std::fs::write(server.folder().join("default/a/pipeline.yaml"), "timout: 3").unwrap();
    assert_eq!(server.get("/process-types/a").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_short_path_is_for_programs_and_as_closed_as_the_long_one() {
    let server = server().await;
    let ask = |token: &'static str, accept: &'static str| {
        let request = Request::builder().uri("/process-types").header(header::ACCEPT, accept);
        server.send(request.header(header::AUTHORIZATION, format!("Bearer {token}")), "")
    };
    let told = ask("a-token-of-tests", "*/*").await;
    assert_eq!(told.status(), StatusCode::OK);
    assert_eq!(told.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(ask("another", "*/*").await.status(), StatusCode::UNAUTHORIZED);
    let page = ask("a-token-of-tests", "text/html,*/*").await;
    assert!(page.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
}

#[tokio::test]
async fn an_input_takes_files_of_its_formats_and_no_others() {
    let server = server().await;
    let upload = async |name: &str| {
        let path = format!("/projects/lab/uploads?name={name}");
        let answer = server.call(Method::POST, &path, Some("x".into())).await.json();
        answer["id"].as_str().unwrap().to_owned()
    };
    let submit = async |id: &str| {
        server.post("/projects/lab/pipelines/pick/runs", json!({"inputs": {"in": [{"upload": id}]}})).await
    };
    let refused = submit(&upload("a.csv").await).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text());
    let words = "the input `in` takes files of `mzML`, `mzXML`, not `a.csv`";
    assert_eq!(refused.json()["detail"], words, "{}", refused.text());
    for name in ["a.mzML", "a.MZXML", "a.mzML.gz"] {
        let answer = submit(&upload(name).await).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{name}: {}", answer.text());
    }
}
