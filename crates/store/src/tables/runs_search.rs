//! How the runs of a list are found: every filter becomes ranges of an index, so that what a page costs does not grow with
//! the number of runs.
//!
//! A lane is one such range: the runs of a pipeline in a state, of a state, or with a tail. A list is the newest of its
//! lanes. Labels have an index of their own. Where labels meet other filters, no index holds the answer: the sparser of
//! them is walked for a bounded stretch, and the page says how far the search has come.

use rigi_model::{PipelineName, ProjectName, RunId, RunState, Timestamp};
use sqlx::AssertSqlSafe;

use super::runs_list::RunFilter;
use crate::Result;
use crate::db::{Db, on_db};

/// Ids that are looked at for one page when no index answers alone.
const STRETCH: u32 = 1000;
/// Lanes of one statement; SQLite takes 500.
const MOST_LANES: usize = 100;
/// How lanes begin. What is joined to nothing (`|| ''`) is no reason to take another index.
const BY_PROJECT: &str = "SELECT id FROM runs WHERE parent IS NULL AND project = ";
const BY_TAIL: &str = "SELECT id FROM runs WHERE substr(id, 27, 4) = ";
/// Characters of an id behind `run_`.
const BODY: usize = 26;

/// A statement with its values, the same text for both databases.
#[derive(Default)]
pub(super) struct Statement {
    pub text: String,
    pub values: Vec<String>,
}

impl Statement {
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// A value; the same value again is the same placeholder.
    pub(super) fn bind(&mut self, value: &str) -> &mut Self {
        let known = self.values.iter().position(|other| other == value);
        let place = known.unwrap_or_else(|| {
            self.values.push(value.to_owned());
            self.values.len() - 1
        });
        self.push(&format!("${}", place + 1))
    }

    fn bind_list<'a>(&mut self, values: impl Iterator<Item = &'a str>) -> &mut Self {
        for (index, value) in values.enumerate() {
            self.push(if index == 0 { "(" } else { ", " }).bind(value);
        }
        self.push(")")
    }
}

/// Ids from `low` up to, not including, `high`.
#[derive(Debug, Clone, Default)]
struct Range {
    low: Option<String>,
    high: Option<String>,
}

impl Range {
    fn narrow(&self, low: Option<String>, high: Option<String>) -> Self {
        let high = match (self.high.clone(), high) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { low: self.low.clone().max(low), high }
    }

    fn push(&self, sql: &mut Statement, column: &str) {
        if let Some(low) = &self.low {
            sql.push(&format!(" AND {column} >= ")).bind(low);
        }
        if let Some(high) = &self.high {
            sql.push(&format!(" AND {column} < ")).bind(high);
        }
    }
}

/// What an index range holds.
enum Of {
    State(RunState),
    Pipeline(PipelineName, RunState),
    Tail(String),
}

struct Lane {
    of: Of,
    range: Range,
}

/// What a text may stand for.
#[derive(Default)]
struct Words {
    pipelines: Vec<PipelineName>,
    /// Ids that begin so.
    beginning: Option<(String, String)>,
    tail: Option<String>,
}

/// One filter as index ranges.
pub(super) struct Search<'a> {
    project: &'a ProjectName,
    filter: &'a RunFilter,
    /// What is read of each run.
    columns: &'static str,
    range: Range,
    lanes: Vec<Lane>,
    words: Option<Words>,
    /// The text stands for more pipelines than there may be lanes: they are a condition.
    crowded: bool,
}

/// What a search walks along.
#[derive(Clone, Copy)]
enum Path<'a> {
    Lanes,
    Label(&'a (String, String)),
}

/// Ids hold their time of birth in their first ten characters, so that a time is a place in the order of ids.
fn id_at(time: Timestamp) -> String {
    let millis = u128::try_from(time.0 / 1000).unwrap_or(0);
    RunId::from_bits(millis << 80).to_string()
}

/// The lowest id that begins with `body`, and one above the highest. Whole ids compare alike under every collation.
pub(super) fn ids_beginning(body: &str) -> (String, String) {
    (format!("run_{body:0<BODY$}"), format!("run_{body:Z<BODY$}Z"))
}

impl<'a> Search<'a> {
    /// `pipelines` are the names of all pipelines that have runs; only a text needs them.
    pub(super) fn new(
        project: &'a ProjectName,
        filter: &'a RunFilter,
        columns: &'static str,
        pipelines: Vec<PipelineName>,
    ) -> Self {
        let range = Range { low: filter.since.map(id_at), high: filter.until.map(id_at) };
        let range = range.narrow(None, filter.before.as_ref().map(ToString::to_string));
        let words = text_of(filter).map(|text| Words::of(text, pipelines));
        let mut search = Self { project, filter, columns, range, lanes: Vec::new(), words, crowded: false };
        search.lanes = search.find_lanes();
        search
    }

    fn states(&self) -> &'a [RunState] {
        if self.filter.states.is_empty() { RunState::ALL } else { &self.filter.states }
    }

    /// The lanes of runs of these pipelines; of all runs if `None`.
    fn lanes_of(&self, pipelines: Option<&[PipelineName]>, range: &Range) -> Vec<Lane> {
        let lane = |of| Lane { of, range: range.clone() };
        let states = self.states().iter();
        match pipelines {
            None => states.map(|state| lane(Of::State(*state))).collect(),
            Some(names) => {
                let of = |state: &RunState| {
                    let state = *state;
                    names.iter().map(move |name| Of::Pipeline(name.clone(), state))
                };
                states.flat_map(of).map(lane).collect()
            }
        }
    }

    fn find_lanes(&mut self) -> Vec<Lane> {
        let own = self.filter.pipeline.as_ref().map(std::slice::from_ref);
        let Some(words) = &self.words else { return self.lanes_of(own, &self.range) };
        let wanted = |name: &&PipelineName| self.filter.pipeline.as_ref().is_none_or(|own| own == *name);
        let named: Vec<PipelineName> = words.pipelines.iter().filter(wanted).cloned().collect();
        if named.len() * self.states().len() > MOST_LANES {
            self.crowded = true;
            return self.lanes_of(None, &self.range);
        }
        let mut lanes = self.lanes_of(Some(&named), &self.range);
        if let Some((low, high)) = &words.beginning {
            let range = self.range.narrow(Some(low.clone()), Some(high.clone()));
            lanes.extend(self.lanes_of(own, &range));
        }
        lanes.extend(words.tail.clone().map(|tail| Lane { of: Of::Tail(tail), range: self.range.clone() }));
        lanes
    }

    /// The filter says nothing beside its labels.
    fn only_labels(&self) -> bool {
        self.filter.pipeline.is_none() && self.filter.states.is_empty() && self.words.is_none()
    }

    fn paths(&self) -> Vec<Path<'a>> {
        let lanes = (!self.only_labels() || self.filter.labels.is_empty()).then_some(Path::Lanes);
        self.filter.labels.iter().map(Path::Label).chain(lanes).collect()
    }

    fn push_ids(&self, sql: &mut Statement, path: Path<'_>, most: u32) {
        if let Path::Label((key, value)) = path {
            sql.push("SELECT run AS id FROM labels WHERE project = ").bind(self.project.as_str());
            sql.push(" AND key = ").bind(key);
            sql.push(" AND value = ").bind(value);
            self.range.push(sql, "run");
            sql.push(&format!(" ORDER BY run DESC LIMIT {most}"));
            return;
        }
        sql.push("SELECT id FROM (");
        // Only what a text stands for may be in several lanes.
        let and = if self.words.is_some() { " UNION " } else { " UNION ALL " };
        for (index, lane) in self.lanes.iter().enumerate() {
            sql.push(if index == 0 { "" } else { and }).push("SELECT id FROM (");
            self.push_lane(sql, lane);
            sql.push(&format!(" ORDER BY id DESC LIMIT {most}) AS lane{index}"));
        }
        sql.push(&format!(") AS lanes ORDER BY id DESC LIMIT {most}"));
    }

    fn push_lane(&self, sql: &mut Statement, lane: &Lane) {
        match &lane.of {
            Of::State(state) => {
                sql.push(BY_PROJECT).bind(self.project.as_str()).push(" AND state = ").bind(state.as_str());
            }
            Of::Pipeline(name, state) => {
                sql.push(BY_PROJECT).bind(self.project.as_str()).push(" AND pipeline = ").bind(name.as_str());
                sql.push(" AND state = ").bind(state.as_str());
            }
            Of::Tail(tail) => {
                sql.push(BY_TAIL)
                    .bind(tail)
                    .push(" AND parent IS NULL AND project || '' = ")
                    .bind(self.project.as_str());
                self.push_plain(sql);
            }
        }
        lane.range.push(sql, "id");
    }

    /// Pipeline and states as conditions.
    fn push_plain(&self, sql: &mut Statement) {
        if let Some(name) = &self.filter.pipeline {
            sql.push(" AND pipeline || '' = ").bind(name.as_str());
        }
        if !self.filter.states.is_empty() {
            sql.push(" AND state || '' IN ").bind_list(self.filter.states.iter().map(|state| state.as_str()));
        }
    }

    fn push_words(&self, sql: &mut Statement) {
        let Some(words) = &self.words else { return };
        sql.push(" AND (1 = 0");
        if !words.pipelines.is_empty() {
            sql.push(" OR pipeline IN ").bind_list(words.pipelines.iter().map(PipelineName::as_str));
        }
        if let Some((low, high)) = &words.beginning {
            sql.push(" OR (runs.id >= ").bind(low).push(" AND runs.id < ").bind(high).push(")");
        }
        if let Some(tail) = &words.tail {
            sql.push(" OR substr(runs.id, 27, 4) = ").bind(tail);
        }
        sql.push(")");
    }

    /// What the walk along `path` does not say by itself.
    fn push_rest(&self, sql: &mut Statement, path: Path<'_>) {
        let walked = match path {
            Path::Lanes => {
                if self.crowded {
                    self.push_plain(sql);
                    self.push_words(sql);
                }
                None
            }
            Path::Label(label) => {
                self.push_plain(sql);
                self.push_words(sql);
                Some(label)
            }
        };
        for (key, value) in self.filter.labels.iter().filter(|label| Some(*label) != walked) {
            sql.push(" AND EXISTS (SELECT 1 FROM labels l WHERE l.run = runs.id AND l.key = ").bind(key);
            sql.push(" AND l.value = ").bind(value).push(")");
        }
    }

    fn page(&self, path: Path<'_>, walked: u32) -> Statement {
        let mut sql = Statement::default();
        sql.push(&format!("SELECT {} FROM (", self.columns));
        self.push_ids(&mut sql, path, walked);
        // Crosswise: SQLite keeps the order of the tables, and fetches by id what was found.
        sql.push(") AS found CROSS JOIN runs WHERE runs.id = found.id");
        sql.push(" AND runs.project || '' = ").bind(self.project.as_str()).push(" AND runs.parent IS NULL");
        self.push_rest(&mut sql, path);
        sql.push(&format!(" ORDER BY found.id DESC LIMIT {}", self.filter.limit + 1));
        sql
    }
}

/// The text of a filter, if it says anything.
pub(super) fn text_of(filter: &RunFilter) -> Option<&str> {
    filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

impl Words {
    fn of(text: &str, mut pipelines: Vec<PipelineName>) -> Self {
        let lower = text.to_lowercase();
        pipelines.retain(|name| name.as_str().to_lowercase().contains(&lower));
        let body = text.strip_prefix("run_").unwrap_or(text).to_ascii_uppercase();
        let plain = body.bytes().all(|b| b.is_ascii_alphanumeric()) && body.len() <= BODY;
        let beginning = plain.then(|| ids_beginning(&body));
        Self { pipelines, beginning, tail: (plain && body.len() == 4).then_some(body) }
    }
}

/// The statement of a page, and how far back it looks if that is not the whole list.
pub(super) struct Planned {
    pub statement: Statement,
    /// Older runs than this one are left for the next page.
    pub searched_to: Option<RunId>,
}

impl Db {
    /// `None`: the filter can match nothing.
    pub(super) async fn plan(&self, search: &Search<'_>) -> Result<Option<Planned>> {
        if search.lanes.is_empty() {
            return Ok(None);
        }
        let paths = search.paths();
        if let ([path], false) = (paths.as_slice(), search.crowded) {
            let statement = search.page(*path, search.filter.limit + 1);
            return Ok(Some(Planned { statement, searched_to: None }));
        }
        let mut sparsest: Option<(Path<'_>, Option<RunId>)> = None;
        for path in paths {
            let end = self.stretch(search, path).await?;
            if sparsest.as_ref().is_none_or(|(_, other)| end < *other) {
                sparsest = Some((path, end));
            }
        }
        Ok(sparsest.map(|(path, searched_to)| Planned { statement: search.page(path, STRETCH), searched_to }))
    }

    /// Where a stretch along a path ends; `None` if the path ends before.
    async fn stretch(&self, search: &Search<'_>, path: Path<'_>) -> Result<Option<RunId>> {
        let mut sql = Statement::default();
        sql.push("SELECT COUNT(*), MIN(id) FROM (");
        search.push_ids(&mut sql, path, STRETCH);
        sql.push(") AS stretch");
        let (count, last): (i64, Option<String>) = on_db!(self, pool => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql.text));
            for value in sql.values {
                query = query.bind(value);
            }
            query.fetch_one(pool).await?
        });
        Ok(last.filter(|_| count >= i64::from(STRETCH)).and_then(|id| id.parse().ok()))
    }
}

#[cfg(test)]
mod tests;
