//! What goes over HTTP, for those who answer and those who ask: a type for each request and answer, problems, paths. The OpenAPI
//! file and the page's client are made from these types.
#![forbid(unsafe_code)]

mod path;
mod problem;
pub mod view;

pub use path::{OF_PROJECTS, percent};
pub use problem::Problem;
