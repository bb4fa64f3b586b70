//! Advisories from an OSV API (https://google.github.io/osv.dev/api/): which there are, by batches; then each of them, by its id.
//!
//! Where it lies is an operator's word, and followed nowhere else. Whatever it answers is bounded in size and time; what it leaves out, or
//! says of others, is no answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use reqwest::{Client, RequestBuilder, Url};
use rigi_model::packages::{
    Advice, ECOSYSTEM, Known, Pinned, Record, advisories, affected_names, clean_text, is_advisory_id,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::calls;

/// Who takes longer for one answer does not answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Packages that are asked about at a time: as many as OSV's own takes.
const TOGETHER: usize = 1000;
/// Pages of one batch that are read.
const MOST_PAGES: usize = 50;
/// Records that are read in one audit.
const MOST_RECORDS: usize = 5000;
/// Records that are asked for at the same time.
const SIDE_BY_SIDE: usize = 8;
/// Bytes of an answer to a batch.
const LARGEST_BATCH: usize = 32 << 20;
/// Bytes of a record.
const LARGEST_RECORD: usize = 8 << 20;

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OsvApi {
    root: Url,
    client: Arc<OnceLock<Option<Client>>>,
}

#[derive(Deserialize)]
struct Batch {
    results: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    vulns: Vec<Named>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

type Ids = BTreeMap<Pinned, BTreeSet<String>>;

impl OsvApi {
    /// At an address, such as `https://api.osv.dev`.
    ///
    /// # Errors
    /// In words that go on after the key's name.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let none = |why: &str| format!("is `{text}`, which {why}");
        let url = Url::parse(text).map_err(|error| none(&format!("is no address: {error}")))?;
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err("has a user or options in its address; it has a host and perhaps a path".to_owned());
        }
        let root = format!("{}/", url.as_str().trim_end_matches('/'));
        let root = Url::parse(&root).map_err(|error| none(&format!("is no address: {error}")))?;
        Ok(Self { root, client: Arc::default() })
    }

    /// Its address.
    pub(super) fn name(&self) -> String {
        self.root.as_str().trim_end_matches('/').to_owned()
    }

    fn client(&self) -> Result<&Client, String> {
        self.client
            .get_or_init(|| calls::client(PATIENCE))
            .as_ref()
            .ok_or_else(|| "TLS cannot be set up".to_owned())
    }

    fn at(&self, path: &str) -> Result<Url, String> {
        self.root.join(path).map_err(|_| format!("`{path}` is no path"))
    }

    /// Asks about packages.
    ///
    /// # Errors
    /// Why nothing is known, as the end of a sentence.
    pub(super) async fn ask(&self, all: &[Pinned]) -> Result<Advice, String> {
        let mut ids = Ids::new();
        for some in all.chunks(TOGETHER) {
            self.ask_batch(some, &mut ids).await?;
        }
        let wanted: BTreeSet<String> = ids.values().flatten().cloned().collect();
        if wanted.len() > MOST_RECORDS {
            return Err(format!("{} names more than {MOST_RECORDS} advisories", self.name()));
        }
        let records = stream::iter(wanted).map(|id| async move {
            let record = self.record(&id).await;
            (id, record)
        });
        let records: HashMap<String, Result<Record, String>> =
            records.buffer_unordered(SIDE_BY_SIDE).collect().await;
        Ok(ids
            .into_iter()
            .map(|(pinned, ids)| {
                let known = judge(&pinned, &ids, &records);
                (pinned, known)
            })
            .collect())
    }

    async fn ask_batch(&self, some: &[Pinned], ids: &mut Ids) -> Result<(), String> {
        let mut open: Vec<(&Pinned, Option<String>)> = some.iter().map(|one| (one, None)).collect();
        for _ in 0..MOST_PAGES {
            let query = |(one, token): &(&Pinned, Option<String>)| {
                let mut query =
                    json!({"package": {"name": one.name, "ecosystem": ECOSYSTEM}, "version": one.version});
                if let Some(token) = token {
                    query["page_token"] = Value::String(token.clone());
                }
                query
            };
            let body = json!({"queries": open.iter().map(query).collect::<Vec<_>>()});
            let request = self.client()?.post(self.at("v1/querybatch")?).json(&body);
            let bytes = self.read(request, LARGEST_BATCH).await?;
            let batch: Batch = serde_json::from_slice(&bytes).map_err(|error| {
                format!(
                    "{} answers what is no answer of OSV: {}",
                    self.name(),
                    clean_text(&error.to_string(), 200)
                )
            })?;
            if batch.results.len() != open.len() {
                return Err(format!(
                    "{} answers {} of {} questions",
                    self.name(),
                    batch.results.len(),
                    open.len()
                ));
            }
            let mut more = Vec::new();
            for ((one, _), found) in open.into_iter().zip(batch.results) {
                let known = ids.entry(one.clone()).or_default();
                known.extend(found.vulns.into_iter().map(|named| named.id));
                if known.len() > MOST_RECORDS {
                    return Err(format!(
                        "{} names more than {MOST_RECORDS} advisories of {}",
                        self.name(),
                        one.name
                    ));
                }
                if let Some(token) = found.next_page_token.filter(|token| !token.is_empty()) {
                    more.push((one, Some(token)));
                }
            }
            if more.is_empty() {
                return Ok(());
            }
            open = more;
        }
        Err(format!("{} goes on for more than {MOST_PAGES} pages", self.name()))
    }

    async fn record(&self, id: &str) -> Result<Record, String> {
        if !is_advisory_id(id) {
            return Err(format!("it names an advisory `{}`", clean_text(id, 40)));
        }
        let request = self.client()?.get(self.at(&format!("v1/vulns/{id}"))?);
        let record = Record::read(&self.read(request, LARGEST_RECORD).await?)?;
        if record.id != id {
            return Err(format!("its record is another one's, `{}`", record.id));
        }
        Ok(record)
    }

    async fn read(&self, request: RequestBuilder, most: usize) -> Result<Vec<u8>, String> {
        let name = self.name();
        let mut answer = request.send().await.map_err(|error| format!("{name} {}", plain(&error)))?;
        let status = answer.status();
        if status.is_redirection() {
            return Err(format!("{name} answers {status}, and leads elsewhere"));
        }
        if !status.is_success() {
            return Err(format!("{name} answers {status}"));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| format!("{name} {}", plain(&error)))? {
            if bytes.len() + piece.len() > most {
                return Err(format!("{name} answers more than {} MiB", most >> 20));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

/// What the records of a package's advisories come to. The API has said that they are about it: where one does not say so itself, nobody
/// knows.
fn judge(
    pinned: &Pinned,
    ids: &BTreeSet<String>,
    records: &HashMap<String, Result<Record, String>>,
) -> Known {
    let mut unclear = None;
    let mut read = Vec::new();
    for id in ids {
        match records.get(id) {
            Some(Ok(record)) if record.is_withdrawn() => {}
            Some(Ok(record)) if affected_names(record).contains(&pinned.name) => {
                match advisories(pinned, [record]) {
                    Known::Advisories(found) if found.is_empty() => {
                        unclear =
                            Some(format!("{id} is said to be about it, and its record does not say so"));
                    }
                    _ => read.push(record),
                }
            }
            Some(Ok(_)) => unclear = Some(format!("{id} is said to be about it, and its record is not")),
            Some(Err(why)) => unclear = Some(format!("{}: {why}", clean_text(id, 100))),
            None => unclear = Some(format!("{} has no record", clean_text(id, 100))),
        }
    }
    match (advisories(pinned, read), unclear) {
        (Known::Advisories(found), Some(why)) => Known::Unchecked(why, found),
        (known, _) => known,
    }
}

fn plain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("does not answer within {} s", PATIENCE.as_secs());
    }
    format!("cannot be reached: {}", clean_text(&calls::cause(error), 200))
}
