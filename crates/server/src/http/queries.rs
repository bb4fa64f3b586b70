//! The names that each call's query may have: another one is a mistake and not passed over.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rigi_model::text::nearest;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

use super::error::ApiError;
use super::openapi::each_operation;

/// Names by method and path, as the description of the API has them.
#[derive(Debug, Clone, Default)]
pub(super) struct Queries(Arc<HashMap<(Method, String), BTreeSet<String>>>);

impl Queries {
    /// Of a description whose paths are those of the routes.
    pub(super) fn of(document: &OpenApi) -> Self {
        let all = each_operation(document)
            .map(|(method, path, operation)| ((method, path.to_owned()), names(operation)));
        Self(Arc::new(all.collect()))
    }

    /// A name that the call does not know, and what is said of it.
    fn mistake(&self, method: &Method, path: &str, query: &str) -> Option<ApiError> {
        let known = self.0.get(&(method.clone(), path.to_owned()))?;
        let names = query.split('&').filter(|part| !part.is_empty());
        let names = names.map(|part| part.split_once('=').map_or(part, |(name, _)| name));
        let wrong = names.map(decoded).find(|name| !known.contains(name))?;
        let shown: String = wrong.escape_debug().take(100).collect();
        let near = match nearest(&wrong, known.iter().map(String::as_str)) {
            Some(near) => format!("; the nearest is `{near}`"),
            None if known.is_empty() => "; this call takes none".to_owned(),
            None => {
                let all: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                format!("; there is {}", all.join(", "))
            }
        };
        Some(ApiError::invalid(&format!("/query/{shown}"), format!("the query has no `{shown}`{near}")))
    }
}

fn names(operation: &Operation) -> BTreeSet<String> {
    let all = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    all.filter(|parameter| parameter.parameter_in == ParameterIn::Query).map(|p| p.name.clone()).collect()
}

/// `%6c` and `+` of a name; what is no text stays as it is, and is no name.
pub(super) fn decoded(name: &str) -> String {
    let bytes = name.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let coded = name.get(at + 1..at + 3).filter(|_| byte == b'%');
        match coded.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| name.to_owned())
}

/// Refuses requests whose query has a name that the call does not know.
pub(super) async fn check(State(queries): State<Queries>, request: Request, next: Next) -> Response {
    let query = request.uri().query().filter(|query| !query.is_empty());
    let path = request.extensions().get::<MatchedPath>();
    if let (Some(query), Some(path)) = (query, path)
        && let Some(mistake) = queries.mistake(request.method(), path.as_str(), query)
    {
        return mistake.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(method: Method, path: &str, query: &str) -> Option<String> {
        Queries::of(&super::super::routes().1).mistake(&method, path, query).map(|error| error.detail)
    }

    #[test]
    fn names_that_a_call_does_not_know_are_told_with_the_nearest() {
        let runs = "/api/v1/runs";
        assert_eq!(told(Method::GET, runs, "limit=3&&%6cimit=4&pipeline=x"), None);
        let wrong = told(Method::GET, runs, "limti=3").unwrap();
        assert_eq!(wrong, "the query has no `limti`; the nearest is `limit`");
        assert_eq!(told(Method::HEAD, runs, "limti=3").unwrap(), wrong);
        let events = told(Method::GET, "/api/v1/events", "zzz").unwrap();
        assert_eq!(events, "the query has no `zzz`; there is `run`, `usage`");
        let none = told(Method::GET, "/api/v1/system", "a%20b=1").unwrap();
        assert_eq!(none, "the query has no `a b`; this call takes none");
        assert!(told(Method::GET, "/api/v1/runs/{id}/artifacts/{*path}", "downlaod=1").is_some());
        assert_eq!(told(Method::GET, "/elsewhere", "x=1"), None);
    }
}
