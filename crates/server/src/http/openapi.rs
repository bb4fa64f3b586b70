//! The OpenAPI file, and the directory of resources.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rigi_api::{OF_PROJECTS, Problem};
use serde_json::{Value, json};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::{ContactBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, Required};
use utoipa_axum::router::OpenApiRouter;

use super::resources;
use super::state::AppState;

/// The OpenAPI 3.1 document of this version.
#[must_use]
pub fn document() -> OpenApi {
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".to_owned());
    let info = InfoBuilder::new()
        .title("Rigi")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Runs data pipelines on machines their owners control. Times are RFC 3339 in UTC, sizes are bytes, errors \
             are problem details (RFC 9457) with stable codes.",
        ))
        .license(Some(license))
        .contact(Some(ContactBuilder::new().name(Some("Rigi")).build()))
        .build();
    let here = ServerBuilder::new().url("/").description(Some("This server")).build();
    let base = OpenApiBuilder::new().info(info).servers(Some([here])).security(Some(ways_in())).build();
    let (_, mut document) = OpenApiRouter::with_openapi(base).nest("/api/v1", resources()).split_for_parts();
    add_projects(&mut document);
    add_problems(&mut document);
    add_ways_in(&mut document);
    name_plainly(&mut document);
    document
}

/// Either of them signs a request in.
fn ways_in() -> [SecurityRequirement; 2] {
    ["token", "session"].map(|way| SecurityRequirement::new(way, Vec::<String>::new()))
}

fn add_ways_in(document: &mut OpenApi) {
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "The server's token: the file `token` in its data folder, or `RIGI_TOKEN` where it was given to you.",
    ));
    let cookie = "The cookie that a browser gets by a link; its name ends with characters of this server.";
    let session = ApiKeyValue::with_description("rigi_session", cookie);
    let components = document.components.get_or_insert_with(Default::default);
    components.add_security_scheme("token", SecurityScheme::Http(token.build()));
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
}

/// What a project has of its own is below its path as well.
fn add_projects(document: &mut OpenApi) {
    let mut added = Vec::new();
    for (path, item) in &document.paths.paths {
        let Some(rest) = path.strip_prefix("/api/v1/") else { continue };
        if !rest.split('/').next().is_some_and(|resource| OF_PROJECTS.contains(&resource)) {
            continue;
        }
        let mut item = item.clone();
        for operation in operations(&mut item) {
            operation.operation_id = operation.operation_id.take().map(|id| format!("{id}_of_project"));
            let mut project = Parameter::new("project");
            project.parameter_in = ParameterIn::Path;
            project.required = Required::True;
            project.description = Some("Name of the project".to_owned());
            project.schema = Some(Object::with_type(Type::String).into());
            operation.parameters.get_or_insert_default().insert(0, project.into());
        }
        added.push((format!("/api/v1/projects/{{project}}/{rest}"), item));
    }
    document.paths.paths.extend(added);
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let read = [&mut item.get, &mut item.head, &mut item.options];
    let change = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
    read.into_iter().chain(change).flatten()
}

/// Every operation, with its method and path; what takes GET takes HEAD as well.
pub(super) fn each_operation(document: &OpenApi) -> impl Iterator<Item = (Method, &str, &Operation)> {
    document.paths.paths.iter().flat_map(|(path, item)| {
        let all = [
            (Method::GET, &item.get),
            (Method::HEAD, &item.get),
            (Method::OPTIONS, &item.options),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::PATCH, &item.patch),
            (Method::DELETE, &item.delete),
        ];
        all.into_iter().filter_map(|(method, operation)| Some((method, path.as_str(), operation.as_ref()?)))
    })
}

/// OpenAPI knows no `{*path}` for a parameter with slashes in it: there it is `{path}`.
fn name_plainly(document: &mut OpenApi) {
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
}

/// Every call can fail in the same way: said once, not at every handler.
fn add_problems(document: &mut OpenApi) {
    use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
    use utoipa::{PartialSchema, ToSchema};
    let components = document.components.get_or_insert_with(Default::default);
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    let problem = || {
        let content =
            ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name("Problem")))).build();
        ResponseBuilder::new().description("A problem").content("application/problem+json", content).build()
    };
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            for status in ["4XX", "5XX"] {
                operation.responses.responses.insert(status.into(), RefOr::T(problem()));
            }
        }
    }
}

pub(super) fn router() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/api/v1/openapi.json", get(openapi_json))
        .route("/api/cloud-entry-point", get(entry_point))
}

async fn openapi_json() -> Response {
    let kind = HeaderValue::from_static("application/json");
    match document().to_json() {
        Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(error) => {
            super::error::ApiError::new(rigi_model::ErrorCode::Internal, error.to_string()).into_response()
        }
    }
}

/// A directory of all resources, for clients that find their way from one address.
async fn entry_point(request: Request) -> axum::Json<Value> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    let collections =
        ["projects", "pipelines", "process-types", "runs", "uploads", "events", "system", "links"];
    let mut directory = json!({
        "id": "cloud-entry-point",
        "resource-type": "cloud-entry-point",
        "base-uri": format!("http://{host}/api/v1/"),
        "version": env!("CARGO_PKG_VERSION"),
        "openapi": "/api/v1/openapi.json",
    });
    for name in collections {
        directory[name] = json!({ "href": name });
    }
    axum::Json(directory)
}
