//! Lists: those of one area go to it; those of more than one go through them in order. What lies beside the areas is in no list.

use rigi_model::area::AREAS;
use rigi_store::area::{Grouped, ListFrom, ListPage};
use s3s::dto::{CommonPrefix, ETag, Object, ObjectStorageClass};
use s3s::{S3Result, s3_error};

use super::files::Files;
use super::granted::Granted;
use super::words;

/// Entries of a page at most, as in S3.
const MOST: i32 = 1000;
/// How tokens begin. No key does: it begins with the name of a project.
const TOKEN: char = ':';

/// What is asked for.
pub(super) struct Asked<'a> {
    pub bucket: &'a str,
    pub prefix: &'a str,
    pub delimiter: Option<&'a str>,
    pub after: Option<&'a str>,
    pub token: Option<&'a str>,
    pub most: Option<i32>,
}

/// A page of a list.
#[derive(Default)]
pub(super) struct Page {
    pub contents: Vec<Object>,
    pub folders: Vec<CommonPrefix>,
    pub next: Option<String>,
    pub most: i32,
}

/// Where a list goes on: in which area, from where.
struct Mark<'a> {
    area: usize,
    token: Option<&'a str>,
}

pub(super) fn is_token(text: &str) -> bool {
    text.starts_with(TOKEN)
}

fn read_token(text: &str) -> S3Result<Mark<'_>> {
    let read = || {
        let rest = text.strip_prefix(TOKEN)?;
        let (area, token) = rest.split_at_checked(1)?;
        let area = area.parse::<usize>().ok().filter(|area| *area < AREAS.len())?;
        Some(Mark { area, token: Some(token).filter(|token| !token.is_empty()) })
    };
    read().ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is none"))
}

/// A page.
pub(super) async fn page(files: &Files, granted: &Granted, asked: &Asked<'_>) -> S3Result<Page> {
    let grouped = match asked.delimiter {
        None | Some("") => Grouped::No,
        Some("/") => Grouped::ByFolder,
        Some(_) => return Err(s3_error!(NotImplemented, "lists are grouped by `/` alone")),
    };
    let name = granted.name().to_owned();
    let Some(prefix) = granted.below(asked.bucket, asked.prefix)? else {
        return Err(s3_error!(
            AccessDenied,
            "this access key lists what lies below `{name}/`: give that as the prefix"
        ));
    };
    let head = &asked.prefix[..asked.prefix.len() - prefix.len()];
    let most = asked.most.unwrap_or(MOST).clamp(0, MOST);
    let mut page = Page { most, ..Page::default() };
    if most == 0 {
        return Ok(page);
    }
    let after = asked.after.and_then(|after| after.strip_prefix(head));
    // Behind all that is below the project, there is nothing.
    if asked.after.is_some_and(|whole| after.is_none() && whole > asked.prefix) {
        return Ok(page);
    }
    let mut mark = match asked.token {
        Some(token) => read_token(token)?,
        None => Mark { area: 0, token: None },
    };
    let mut room = usize::try_from(most).unwrap_or(0);
    while mark.area < AREAS.len() {
        let area = AREAS[mark.area];
        let within = prefix.starts_with(area);
        if within || area.starts_with(prefix) {
            // Above the areas, each is one entry where that is asked for.
            let as_one = !within && grouped == Grouped::ByFolder;
            let from = ListFrom {
                prefix: if within { prefix } else { area },
                grouped,
                after,
                token: mark.token,
                most: if as_one { 1 } else { room },
            };
            // Without a delimiter, the files of all datasets are not told one by one.
            let skipped = !within && area == super::datasets::AREA && grouped == Grouped::No;
            let found = if skipped {
                ListPage::default()
            } else {
                files.list(&granted.project, from).await.map_err(|error| words::of(&error))?
            };
            room -= take(&mut page, head, area, found.clone(), as_one).min(room);
            let goes_on = found.next.filter(|_| !as_one);
            if let Some(token) = goes_on {
                page.next = Some(format!("{TOKEN}{}{token}", mark.area));
                return Ok(page);
            }
        }
        mark = Mark { area: mark.area + 1, token: None };
        if room == 0 && AREAS[mark.area..].iter().any(|area| area.starts_with(prefix)) {
            page.next = Some(format!("{TOKEN}{}", mark.area));
            return Ok(page);
        }
    }
    Ok(page)
}

/// Puts what was found into a page; how many entries that makes.
fn take(page: &mut Page, head: &str, area: &str, found: ListPage, as_one: bool) -> usize {
    let folder = |name: &str| CommonPrefix { prefix: Some(format!("{head}{name}")) };
    if as_one {
        let there = !found.files.is_empty() || !found.folders.is_empty();
        page.folders.extend(there.then(|| folder(area)));
        return usize::from(there);
    }
    let count = found.files.len() + found.folders.len();
    page.folders.extend(found.folders.iter().map(|name| folder(name)));
    page.contents.extend(found.files.into_iter().map(|file| Object {
        key: Some(format!("{head}{}", file.key)),
        size: Some(i64::try_from(file.size).unwrap_or(i64::MAX)),
        e_tag: Some(ETag::Strong(file.etag)),
        last_modified: Some(words::time(file.modified)),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Object::default()
    }));
    count
}
