//! What is measured of requests, and `/metrics` itself.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use tower::ServiceExt as _;

use super::server::{TOKEN, TestServer};
use crate::measures::Measures;

async fn ask(server: &TestServer, method: &str, path: &str) -> Response {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
    server.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn whole(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_request_is_known_by_its_route_alone() {
    let measures = Measures::default();
    let _here = metrics::set_default_local_recorder(&measures);
    let server = TestServer::start(&[("secretlab", None)], &["secretlab/fit"]).await;
    for path in
        ["/api/v1/runs/rsecretid", "/api/v1/runs?project=secretlab", "/secretpage", "/api/v1/secretroute"]
    {
        whole(ask(&server, "GET", path).await).await;
    }
    whole(ask(&server, "SECRETMETHOD", "/livez").await).await;
    assert_eq!(ask(&server, "GET", "/api/v1/projects/secretlab/runs").await.status(), StatusCode::OK);
    let text = measures.render(&[]);
    let counted: Vec<_> = text.lines().filter(|line| line.starts_with("rigi_http_requests_total")).collect();
    let of = |labels: &str| counted.iter().any(|line| line.contains(labels));
    assert!(of(r#"method="GET",route="/api/v1/runs/{id}",status="404"} 1"#), "{counted:#?}");
    assert!(of(r#"method="GET",route="/api/v1/runs",status="200"}"#), "{counted:#?}");
    assert!(of(r#"method="other",route="/livez",status="405"} 1"#), "{counted:#?}");
    assert!(of(r#"route="page""#), "{counted:#?}");
    assert!(text.contains("rigi_http_in_flight 0\n"), "{counted:#?}");
    assert!(!text.to_lowercase().contains("secret"), "{text}");
}

#[tokio::test]
async fn a_request_lasts_until_its_answer_is_taken_and_a_stream_is_none() {
    let measures = Measures::default();
    let _here = metrics::set_default_local_recorder(&measures);
    let server = TestServer::start(&[], &["default/fit"]).await;
    let response = ask(&server, "GET", "/api/v1/runs").await;
    let text = measures.render(&[]);
    assert!(text.contains("rigi_http_in_flight 1\n") && !text.contains("rigi_http_requests_total"), "{text}");
    drop(response);
    assert!(measures.render(&[]).contains("rigi_http_in_flight 0\n"));

    let stream = ask(&server, "GET", "/api/v1/events").await;
    let text = measures.render(&[]);
    assert!(text.contains("rigi_http_in_flight 0\n"), "{text}");
    assert!(text.contains("rigi_streams{kind=\"events\"} 1\nrigi_streams{kind=\"logs\"} 0\n"), "{text}");
    drop(stream);
    let text = measures.render(&[]);
    assert!(text.contains("rigi_streams{kind=\"events\"} 0\n"), "{text}");
    assert!(!text.contains("route=\"/api/v1/events\""), "{text}");
}

#[tokio::test]
async fn what_nobody_counts_is_asked_for_when_somebody_reads() {
    let server = TestServer::start(&[], &["default/fit"]).await;
    let text = whole(ask(&server, "GET", "/metrics").await).await;
    for line in [
        "# TYPE rigi_build_info gauge",
        "rigi_leader 1",
        "rigi_runs{state=\"queued\"} 0",
        "rigi_database_up 1",
        "rigi_certificate_expires_timestamp_seconds 4102444800",
        "# TYPE process_cpu_seconds_total counter",
        "rigi_runs_accepted_total 0",
    ] {
        assert!(text.lines().any(|said| said == line), "{line}: {text}");
    }
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}"));
        line.trim().parse::<f64>().unwrap()
    };
    assert!(number("rigi_database_bytes ") > 4096.0);
    let (free, size) = (number("rigi_disk_free_bytes "), number("rigi_disk_size_bytes "));
    assert!(free > 0.0 && free <= size, "{free} of {size}");
    assert!(number("process_resident_memory_bytes ") < number("rigi_memory_limit_bytes "));
    assert!(!text.contains("rigi_backup_"), "none was taken: {text}");
}

#[tokio::test]
async fn a_server_that_is_about_to_end_serves_on_and_is_not_ready() {
    let server = TestServer::start(&[], &["default/fit"]).await;
    server.state.readiness.end();
    let ready = ask(&server, "GET", "/readyz").await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(whole(ready).await.contains("it ends; others serve"));
    for path in ["/livez", "/api/v1/runs"] {
        assert_eq!(ask(&server, "GET", path).await.status(), StatusCode::OK, "{path}");
    }
}
