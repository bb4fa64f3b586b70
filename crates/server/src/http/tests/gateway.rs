//! Signed requests, as S3's tools send them: who gets at which files, and how they are answered.

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::HttpRequest;
use rigi_model::area::AccessKey;
use rigi_model::{RunId, Timestamp};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::TestServer;
use super::follow::server;

struct Key(AwsCredential);

impl Key {
    fn of(made: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self(AwsCredential {
            key_id: text(&made["key"]["access_key_id"]),
            secret_key: text(&made["secret_access_key"]),
            token: None,
        })
    }

    /// Sends a signed request; the signature is made by somebody else's code.
    async fn ask(&self, server: &TestServer, method: Method, path: &str, body: &str) -> Response<Body> {
        let mut signed = HttpRequest::new(body.to_owned().into());
        *signed.method_mut() = method.as_str().parse().unwrap();
        *signed.uri_mut() = format!("http://localhost{path}").parse().unwrap();
        AwsAuthorizer::new(&self.0, "s3", "us-east-1").try_authorize(&mut signed, None).unwrap();
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in signed.headers() {
            request = request.header(name.as_str(), value.as_bytes());
        }
        let request = request.header(header::HOST, "localhost").header(header::CONTENT_LENGTH, body.len());
        server.router().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()
    }

    async fn status(&self, server: &TestServer, method: Method, path: &str) -> StatusCode {
        self.ask(server, method, path, "").await.status()
    }
}

async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn make(server: &TestServer, name: &str, rights: &str) -> Key {
    let made = server.post("/storage-keys", json!({"name": name, "rights": rights})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    Key::of(&made.json())
}

const FILE: &str = "/rigi/default/uploads/a.html";

#[tokio::test]
async fn a_file_acts_as_nobody_in_a_browser() {
    let server = server(&[]).await;
    let key = make(&server, "laptop", "write").await;
    let put = key.ask(&server, Method::PUT, FILE, "<script>alert(1)</script>").await;
    assert_eq!(put.status(), StatusCode::OK, "{}", text(put).await);
    let got = key.ask(&server, Method::GET, FILE, "").await;
    assert_eq!(got.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(got.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    let policy = got.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("sandbox") && !policy.contains("allow"), "{policy}");
    assert_eq!(text(got).await, "<script>alert(1)</script>");
    // A key opens nothing of the API, and a token of the API nothing here.
    let api = key.ask(&server, Method::GET, "/api/v1/runs", "").await;
    assert_eq!(api.status(), StatusCode::NOT_FOUND);
    assert!(text(api).await.contains("NoSuchBucket"));
}

#[tokio::test]
async fn what_was_taken_back_opens_nothing() {
    let server = server(&[]).await;
    let (writer, reader) = (make(&server, "writer", "write").await, make(&server, "reader", "read").await);
    let put = writer.ask(&server, Method::PUT, FILE, "x").await;
    assert_eq!(put.status(), StatusCode::OK, "{}", text(put).await);
    assert_eq!(reader.status(&server, Method::GET, FILE).await, StatusCode::OK);
    assert_eq!(reader.status(&server, Method::PUT, FILE).await, StatusCode::FORBIDDEN);
    assert_eq!(reader.status(&server, Method::DELETE, FILE).await, StatusCode::FORBIDDEN);
    let forged = Key(AwsCredential {
        key_id: writer.0.key_id.clone(),
        secret_key: reader.0.secret_key.clone(),
        token: None,
    });
    assert_eq!(forged.status(&server, Method::GET, FILE).await, StatusCode::FORBIDDEN);
    assert_eq!(
        server.call(Method::DELETE, "/storage-keys/reader", None).await.status,
        StatusCode::NO_CONTENT
    );
    let gone = reader.ask(&server, Method::GET, FILE, "").await;
    assert_eq!(gone.status(), StatusCode::FORBIDDEN);
    assert!(text(gone).await.contains("InvalidAccessKeyId"));
    let again = server.post("/storage-keys", json!({"name": "writer"})).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let listed = server.get("/storage-keys").await;
    assert!(!listed.text().contains("secret"), "{}", listed.text());
    assert_eq!(listed.json()["items"][0]["access_key_id"], writer.0.key_id.as_str());
}

#[tokio::test]
async fn credentials_of_a_run_end_with_it_and_with_their_time() {
    let server = TestServer::start(&[], &["default/fit"]).await;
    let run = server.run("", "fit", json!({}), "succeeded").await;
    let (run, now): (RunId, _) = (run.parse().unwrap(), Timestamp::now());
    let hour = std::time::Duration::from_secs(3600);
    let project = rigi_model::ProjectName::default();
    for (run, until, code) in [
        (run.clone(), now.after(hour), "ExpiredToken"),
        (run, now.before(hour), "ExpiredToken"),
        (RunId::generate(), now.after(hour), "InvalidAccessKeyId"),
    ] {
        let access = AccessKey::of_run(run, until);
        let secret = server.state.store().give_storage_secret(&project, &access, now).await.unwrap();
        let key = Key(AwsCredential { key_id: access.to_string(), secret_key: secret.0, token: None });
        let refused = key.ask(&server, Method::GET, FILE, "").await;
        assert!(!refused.status().is_success());
        let said = text(refused).await;
        assert!(said.contains(code), "{said}");
    }
}

#[tokio::test]
async fn lists_show_what_is_below_the_project_and_refuse_the_rest() {
    let server = server(&[]).await;
    let key = make(&server, "laptop", "write").await;
    for path in ["/rigi/default/uploads/b/c", "/rigi/default/uploads/a%20b", "/rigi/default/uploads/%C3%BC"] {
        let put = key.ask(&server, Method::PUT, path, "x").await;
        assert_eq!(put.status(), StatusCode::OK, "{}", text(put).await);
    }
    let list =
        async |query: &str| text(key.ask(&server, Method::GET, &format!("/rigi?{query}"), "").await).await;
    let all = list("list-type=2&prefix=default%2F").await;
    for name in ["default/uploads/a b", "default/uploads/b/c", "default/uploads/ü"] {
        assert!(all.contains(&format!("<Key>{name}</Key>")), "{all}");
    }
    let grouped = list("delimiter=%2F&list-type=2&prefix=default%2Fuploads%2F").await;
    assert!(grouped.contains("<Prefix>default/uploads/b/</Prefix>"), "{grouped}");
    for refused in ["list-type=2", "list-type=2&prefix=lab%2F", "list-type=2&prefix=defaul"] {
        let said = list(refused).await;
        assert!(said.contains("AccessDenied") && said.contains("default/"), "{said}");
    }
    let acl = key.ask(&server, Method::GET, "/rigi/default/uploads/ab?acl", "").await;
    assert_eq!(acl.status(), StatusCode::NOT_IMPLEMENTED);
    let blob = key.ask(&server, Method::GET, "/rigi/default/blobs/ab/cd", "").await;
    assert_eq!(blob.status(), StatusCode::FORBIDDEN);
}
