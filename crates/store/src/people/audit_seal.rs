//! Sealing the audit log, so that a change of it shows. The server that leads seals lines in batches: each seal's hash covers the lines of
//! its batch and the seal before it, and is signed with a key of the data folder. The last seal (the head) is also kept outside the
//! database. Whoever can write the database alone can change nothing of it unseen; this is tamper-evident, not tamper-proof.

use std::fs;
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt as _;
use rigi_model::Timestamp;
use rigi_model::hash::hex;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::audit::Audited;
use crate::db::{Db, on_db};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result, Store, seal};

/// Lines of one seal at most.
const BATCH: i64 = 1000;
/// The key, in the data folder.
const KEY_FILE: &str = "audit.key";
/// The head, in the data folder.
const HEAD_FILE: &str = "audit.head";

/// The last seal, as it is kept outside the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Counts from 1.
    pub number: i64,
    /// Of everything up to it, in hex.
    pub hash: String,
    /// Of number and hash, in hex (Ed25519).
    pub signature: String,
    /// What the signature is checked with, in hex.
    pub public_key: String,
    /// When it was made.
    pub at: Timestamp,
}

impl Head {
    /// Whether its own signature is by the key that it names.
    pub(super) fn is_signed(&self) -> bool {
        is_signed(self, Said::Seal, self.number, &self.hash, &self.signature)
    }
}

/// What a look at the whole log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Lines that are covered by seals.
    pub sealed: u64,
    /// Lines that wait for the next seal.
    pub waiting: u64,
    /// Seals.
    pub seals: i64,
    /// What is wrong; nothing: nobody has changed anything.
    pub wrong: Vec<String>,
}

/// Seals with a key of the data folder.
pub struct AuditSealer {
    key: Ed25519KeyPair,
    head_file: PathBuf,
}

static MARK: Statement = Statement::update("audit", &[("id", Text), ("seal", Int)], "seal IS NULL");
/// What retention no longer keeps.
static CUT_LINES: Statement = Statement::delete("audit", &[("last", Int)], "audit.seal <= v.last");
static CUT_SEALS: Statement =
    Statement::delete("audit_seals", &[("last", Int)], "audit_seals.number < v.last");
static CUT: Statement = Statement::update(
    "audit_seals",
    &[("number", Int), ("lines", Int), ("signature", Text)],
    "at IS NOT NULL",
);
static INSERT: Statement = Statement::insert(
    "audit_seals",
    &[("number", Int), ("lines", Int), ("hash", Text), ("signature", Text), ("at", Int)],
    "",
);

const LINE: &str = "SELECT id, at, actor, actor_id, via, action, project, subject, subject_id, before, after, address, request, result \
     FROM audit";

/// A line as it is hashed: every field of it, in a fixed order.
fn hashed(hash: &mut Sha256, line: &Audited) {
    let Audited { id, at, actor, actor_id, via, action, project, .. } = line;
    let Audited { subject, subject_id, before, after, address, request, result, .. } = line;
    let fields = (
        (id, at, actor, actor_id, via, action, project),
        (subject, subject_id, before, after, address, request, result),
    );
    // A tuple of texts and numbers is always JSON.
    hash.update(serde_json::to_vec(&fields).unwrap_or_default());
    hash.update(b"\n");
}

/// What is signed of a seal.
#[derive(Clone, Copy)]
enum Said {
    /// That it follows the one before.
    Seal,
    /// That what was up to it is no longer kept: the log begins behind it.
    Cut,
}

fn signed(said: Said, number: i64, hash: &str) -> Vec<u8> {
    let what = match said {
        Said::Seal => "audit",
        Said::Cut => "audit cut",
    };
    format!("rigi {what} {number} {hash}").into_bytes()
}

fn begin(number: i64, before: &str) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update(format!("{number} {before}\n"));
    hash
}

impl AuditSealer {
    /// With the key of a data folder; made once.
    ///
    /// # Errors
    /// If it cannot be read or written, or is damaged.
    pub fn open(data: &Path) -> Result<Self> {
        let file = data.join(KEY_FILE);
        let seed = match fs::read(&file) {
            Ok(seed) => seed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let seed = seal::random::<32>()?.to_vec();
                seal::write_new(&file, &seed)?;
                seed
            }
            Err(error) => return Err(Error::io(format!("read {}", file.display()))(error)),
        };
        let key = Ed25519KeyPair::from_seed_unchecked(&seed);
        let damaged =
            |_| Error::Damaged { what: file.display().to_string(), why: "it must hold 32 bytes".into() };
        Ok(Self { key: key.map_err(damaged)?, head_file: data.join(HEAD_FILE) })
    }

    fn sign(&self, said: Said, number: i64, hash: &str) -> String {
        hex(self.key.sign(&signed(said, number, hash)).as_ref())
    }

    /// Keeps the head outside the database: whole or not at all.
    fn keep(&self, head: &Head) -> Result<()> {
        seal::write_new(&self.head_file, &serde_json::to_vec_pretty(head).unwrap_or_default())
    }
}

/// The head that a data folder keeps.
///
/// # Errors
/// If it cannot be read.
pub fn kept_head(data: &Path) -> Result<Option<Head>> {
    let file = data.join(HEAD_FILE);
    match fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Error::Damaged { what: file.display().to_string(), why: error.to_string() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(format!("read {}", file.display()))(error)),
    }
}

type SealRow = (i64, i64, String, String, i64);

impl Db {
    async fn seals(&self, after: i64, limit: i64) -> Result<Vec<SealRow>> {
        let sql = "SELECT number, lines, hash, signature, at FROM audit_seals WHERE number > $1 ORDER BY number LIMIT $2";
        Ok(on_db!(self, pool => sqlx::query_as(sql).bind(after).bind(limit).fetch_all(pool).await?))
    }

    pub(super) async fn hash_of_seal(&self, number: i64) -> Result<Option<String>> {
        let sql = "SELECT hash FROM audit_seals WHERE number = $1";
        Ok(on_db!(self, pool => sqlx::query_scalar(sql).bind(number).fetch_optional(pool).await?))
    }

    async fn last_seal(&self) -> Result<Option<SealRow>> {
        let sql = "SELECT number, lines, hash, signature, at FROM audit_seals ORDER BY number DESC LIMIT 1";
        Ok(on_db!(self, pool => sqlx::query_as(sql).fetch_optional(pool).await?))
    }

    /// Whether lines wait to be sealed.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn audit_waits(&self) -> Result<bool> {
        let sql = "SELECT id FROM audit WHERE seal IS NULL LIMIT 1";
        let found: Option<String> = on_db!(self, pool => sqlx::query_scalar(sql).fetch_optional(pool).await?);
        Ok(found.is_some())
    }

    /// Looks at the whole log: whether each line is as it was when it was sealed, and none is missing. What is held against it is a head
    /// that was kept elsewhere.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn verify_audit(&self, head: Option<&Head>) -> Result<Verdict> {
        let mut verdict = Verdict { sealed: 0, waiting: 0, seals: 0, wrong: Vec::new() };
        let seals = self.seals(0, i64::MAX).await?;
        let mut before = String::new();
        let mut found = SealedLines::default();
        self.read_sealed(&seals, &mut found).await?;
        let first = seals.first().map_or(1, |(number, ..)| *number);
        for (index, (number, lines, hash, signature, _)) in seals.iter().enumerate() {
            let expected = first.saturating_add(i64::try_from(index).unwrap_or(i64::MAX));
            // Where what is older is no longer kept, the log begins behind a seal that says so.
            let said = if *number > 1 && index == 0 { Said::Cut } else { Said::Seal };
            if *number != expected {
                verdict.wrong.push(format!("seal {expected} is missing"));
                break;
            }
            let (count, made) = found.of(*number, &before);
            if matches!(said, Said::Cut) {
                if count != 0 {
                    verdict
                        .wrong
                        .push(format!("seal {number} says that its lines are gone, and {count} are there"));
                }
            } else if count != *lines {
                verdict.wrong.push(format!("seal {number} covers {lines} lines, and {count} are there"));
            } else if made != *hash {
                verdict.wrong.push(format!("a line of seal {number} is not as it was"));
            }
            if let Some(head) = head
                && !is_signed(head, said, *number, hash, signature)
            {
                verdict.wrong.push(format!("seal {number} was not signed with the key of the head"));
            }
            verdict.sealed += u64::try_from(count).unwrap_or(0);
            before.clone_from(hash);
            verdict.seals = *number;
        }
        for number in found.strays(&seals) {
            verdict.wrong.push(format!("lines say that they are of seal {number}, which is not there"));
        }
        if let Some(head) = head {
            match seals.iter().find(|(number, ..)| *number == head.number) {
                None => verdict.wrong.push(format!(
                    "the head is seal {}, and the log ends with seal {}: its end is missing",
                    head.number, verdict.seals
                )),
                Some((_, _, hash, ..)) if *hash != head.hash => {
                    verdict
                        .wrong
                        .push(format!("seal {} is not the one that was kept as the head", head.number));
                }
                Some(_) => {}
            }
        }
        let waiting = "SELECT COUNT(*) FROM audit WHERE seal IS NULL";
        let waiting: i64 = on_db!(self, pool => sqlx::query_scalar(waiting).fetch_one(pool).await?);
        verdict.waiting = u64::try_from(waiting).unwrap_or(0);
        Ok(verdict)
    }

    async fn read_sealed(&self, seals: &[SealRow], found: &mut SealedLines) -> Result<()> {
        let sql = format!(
            "{} WHERE seal IS NOT NULL ORDER BY seal, id",
            LINE.replace("result FROM", "result, seal FROM")
        );
        let chained: std::collections::HashMap<i64, String> =
            seals.iter().map(|(number, _, hash, ..)| (number + 1, hash.clone())).collect();
        on_db!(self, pool => {
            let mut rows = sqlx::query_as::<_, SealedLine>(sqlx::AssertSqlSafe(sql)).fetch(pool);
            while let Some(row) = rows.try_next().await? {
                found.take(&row, &chained);
            }
        });
        found.close();
        Ok(())
    }
}

#[derive(sqlx::FromRow)]
struct SealedLine {
    #[sqlx(flatten)]
    line: Audited,
    seal: i64,
}

/// Lines by seal, hashed as they come.
#[derive(Default)]
struct SealedLines {
    open: Option<(i64, i64, Sha256)>,
    done: std::collections::BTreeMap<i64, (i64, String)>,
}

impl SealedLines {
    fn take(&mut self, row: &SealedLine, chained: &std::collections::HashMap<i64, String>) {
        if self.open.as_ref().is_none_or(|(seal, ..)| *seal != row.seal) {
            self.close();
            let before = chained.get(&row.seal).map_or("", String::as_str);
            self.open = Some((row.seal, 0, begin(row.seal, before)));
        }
        if let Some((_, count, hash)) = &mut self.open {
            *count += 1;
            hashed(hash, &row.line);
        }
    }

    fn close(&mut self) {
        if let Some((seal, count, hash)) = self.open.take() {
            self.done.insert(seal, (count, hex(&hash.finalize())));
        }
    }

    fn of(&self, seal: i64, before: &str) -> (i64, String) {
        let none = || (0, hex(&begin(seal, before).finalize()));
        self.done.get(&seal).cloned().unwrap_or_else(none)
    }

    fn strays(&self, seals: &[SealRow]) -> Vec<i64> {
        let known: std::collections::HashSet<i64> = seals.iter().map(|(number, ..)| *number).collect();
        self.done.keys().copied().filter(|seal| !known.contains(seal)).collect()
    }
}

fn is_signed(head: &Head, said: Said, number: i64, hash: &str, signature: &str) -> bool {
    let (Some(key), Some(signature)) = (seal::unhex(&head.public_key), seal::unhex(signature)) else {
        return false;
    };
    UnparsedPublicKey::new(&ED25519, key).verify(&signed(said, number, hash), &signature).is_ok()
}

impl Store {
    /// Removes lines whose seal is older; the log begins behind the last of these seals, which says so and is signed anew.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn cut_audit(&self, sealer: &AuditSealer, before: Timestamp) -> Result<()> {
        let sql = "SELECT number, lines, hash, signature, at FROM audit_seals WHERE at < $1 ORDER BY number DESC LIMIT 1";
        let last: Option<SealRow> =
            on_db!(self.db(), pool => sqlx::query_as(sql).bind(before.0).fetch_optional(pool).await?);
        let Some((number, lines, hash, ..)) = last.filter(|(number, lines, ..)| *number > 1 && *lines > 0)
        else {
            return Ok(());
        };
        let mut write = Write::removal();
        write.rows.add(&CUT_LINES, [number.into()]);
        write.rows.add(&CUT_SEALS, [number.into()]);
        write.rows.add(&CUT, [number.into(), 0.into(), sealer.sign(Said::Cut, number, &hash).into()]);
        tracing::info!(seal = number, lines, "lines of the audit log that are no longer kept are gone");
        self.write(write).await
    }

    /// Seals the lines that wait, and keeps the new head outside the database; `None`: none waited.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn seal_audit(&self, sealer: &AuditSealer, now: Timestamp) -> Result<Option<Head>> {
        let mut last = None;
        loop {
            let sql = format!("{LINE} WHERE seal IS NULL ORDER BY id LIMIT {BATCH}");
            let lines: Vec<Audited> = on_db!(self.db(), pool => {
                sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await?
            });
            if lines.is_empty() {
                return Ok(last);
            }
            let before = self.db().last_seal().await?;
            let (number, before) =
                before.map_or((1, String::new()), |(number, _, hash, ..)| (number + 1, hash));
            let mut hash = begin(number, &before);
            let mut write = Write::removal();
            for line in &lines {
                hashed(&mut hash, line);
                write.rows.add(&MARK, [line.id.clone().into(), number.into()]);
            }
            let hash = hex(&hash.finalize());
            let signature = sealer.sign(Said::Seal, number, &hash);
            let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
            let row =
                [number.into(), count.into(), hash.clone().into(), signature.clone().into(), now.0.into()];
            write.rows.add(&INSERT, row);
            self.write(write).await?;
            let public_key = hex(sealer.key.public_key().as_ref());
            let head = Head { number, hash, signature, public_key, at: now };
            sealer.keep(&head)?;
            last = Some(head);
        }
    }
}
