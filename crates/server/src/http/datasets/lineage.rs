//! Which run of which version made it, and where it was used: both ways, bounded.

use std::collections::{BTreeSet, VecDeque};

use rigi_api::view::{LineageEdge, LineageNode, LineageView};
use rigi_model::RunId;
use rigi_model::data::{Reference, Which};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::version_of;
use crate::http::error::ApiResult;
use crate::http::extract::{Path, Query};
use crate::http::pipelines::bounded;
use crate::http::scope::Scope;
use crate::http::state::AppState;

/// Versions and runs that are told.
const MOST: usize = 500;
/// Runs that were given one version, and are told.
const MOST_RUNS: u32 = 100;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_lineage))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Depth {
    /// Runs between what is asked for and what is told: 1 to 10, 3 unless told.
    #[param(minimum = 1, maximum = 10)]
    depth: Option<u32>,
}

/// What a version of a dataset was made of, and what was made of it.
#[utoipa::path(get, path = "/datasets/{dataset}/versions/{version}/lineage", tag = "datasets", extensions(("x-rigi-action" = json!("datasets.read"))),
    params(("dataset" = String, Path, description = "Name of the dataset; `/` in it as `%2F`"), ("version" = String, Path, description = "Number or tag; `latest` is the newest"), Depth),
    responses((status = 200, description = "Versions, runs, and what leads from one to the other", body = LineageView)))]
async fn get_lineage(
    scope: Scope,
    Path((name, version)): Path<(String, String)>,
    Query(query): Query<Depth>,
) -> ApiResult<axum::Json<LineageView>> {
    let version = version_of(&scope, &name, &version).await?;
    let depth = bounded(query.depth, 3, 10)?;
    let mut told = Told {
        scope: &scope,
        view: LineageView { nodes: Vec::new(), edges: Vec::new(), more: false },
        known: BTreeSet::new(),
    };
    let start = format!("{}@{}", version.name, version.version);
    told.node(&start, None);
    for way in [Way::Before, Way::After] {
        let mut open = VecDeque::from([(start.clone(), 0)]);
        let mut seen = BTreeSet::from([start.clone()]);
        while let Some((id, far)) = open.pop_front() {
            if far >= 2 * depth {
                told.view.more = true;
                continue;
            }
            for next in told.next(&id, way).await? {
                if seen.insert(next.clone()) {
                    open.push_back((next, far + 1));
                }
            }
        }
    }
    Ok(axum::Json(told.view))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Before,
    After,
}

struct Told<'a> {
    scope: &'a Scope,
    view: LineageView,
    known: BTreeSet<(String, String, String)>,
}

impl Told<'_> {
    /// `false`: there are enough.
    fn node(&mut self, id: &str, pipeline: Option<String>) -> bool {
        if self.view.nodes.iter().any(|node| node.id == id) {
            return true;
        }
        if self.view.nodes.len() >= MOST {
            self.view.more = true;
            return false;
        }
        let kind = if id.contains('@') { "dataset" } else { "run" };
        self.view.nodes.push(LineageNode { id: id.to_owned(), kind: kind.to_owned(), pipeline });
        true
    }

    fn edge(&mut self, from: &str, to: &str, by: &str) {
        if self.known.insert((from.to_owned(), to.to_owned(), by.to_owned())) {
            let (from, to, by) = (from.to_owned(), to.to_owned(), by.to_owned());
            self.view.edges.push(LineageEdge { from, to, by });
        }
    }

    /// What comes right before or after: the ids that are new.
    async fn next(&mut self, id: &str, way: Way) -> ApiResult<Vec<String>> {
        match id.parse::<RunId>() {
            Ok(run) => self.of_run(id, &run, way).await,
            Err(_) => self.of_version(id, way).await,
        }
    }

    async fn of_run(&mut self, id: &str, run: &RunId, way: Way) -> ApiResult<Vec<String>> {
        let db = self.scope.db();
        let mut next = Vec::new();
        if way == Way::After {
            for left in db.datasets_from_run(run).await? {
                let to = format!("{}@{}", left.name, left.version);
                if self.node(&to, None) {
                    self.edge(id, &to, left.run.as_ref().map_or("", |(_, output)| output));
                    next.push(to);
                }
            }
            return Ok(next);
        }
        let Ok(found) = db.run(self.scope.project(), run).await else { return Ok(next) };
        let given: BTreeSet<(String, String)> = found
            .request
            .inputs
            .iter()
            .filter_map(|file| Some((file.dataset.clone()?, file.input.clone())))
            .collect();
        for (from, input) in given {
            if self.node(&from, None) {
                self.edge(&from, id, &input);
                next.push(from);
            }
        }
        Ok(next)
    }

    async fn of_version(&mut self, id: &str, way: Way) -> ApiResult<Vec<String>> {
        let (db, project) = (self.scope.db(), self.scope.project());
        let mut next = Vec::new();
        let Ok(Reference { name, which: Which::Number(number) }) = Reference::parse(id) else {
            return Ok(next);
        };
        if way == Way::Before {
            // One that was removed since has no past that is known.
            let Ok(version) = db.dataset_version(project, &name, &Which::Number(number)).await else {
                return Ok(next);
            };
            if let Some((run, output)) = version.run {
                let pipeline = db.run(project, &run).await.ok().map(|run| run.request.pipeline.to_string());
                let from = run.to_string();
                if self.node(&from, pipeline) {
                    self.edge(&from, id, &output);
                    next.push(from);
                }
            }
            return Ok(next);
        }
        let given = db.runs_given(project, &name, number, MOST_RUNS).await?;
        self.view.more |= given.len() >= MOST_RUNS as usize;
        for one in given {
            let to = one.run.to_string();
            if self.node(&to, Some(one.pipeline)) {
                self.edge(id, &to, &one.input);
                next.push(to);
            }
        }
        Ok(next)
    }
}
