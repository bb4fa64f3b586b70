//! Passwords: what is refused as too easy to guess, and argon2id, which costs memory on purpose and is therefore done by few at a time.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use argon2::password_hash::{Output, ParamsString, PasswordHash, Salt, SaltString};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use rigi_model::people::folded;
use tokio::sync::Semaphore;

/// Characters of a password at least.
const SHORTEST: usize = 12;
/// Bytes of a password at most: more would only cost time.
const LONGEST: usize = 1024;
/// Made or compared at a time, of 19 MiB each.
const AT_ONCE: usize = 2;
/// Waiting for it; further ones are told to come back.
const QUEUE: usize = 20;

/// Words that people choose most often, in small letters without what they put before and behind them.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());
/// Rows of keyboards, and what is counted.
const ROWS: [&str; 6] =
    ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "abcdefghijklmnopqrstuvwxyz"];

/// A password that somebody would guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer characters than it must have.
    #[error("it has fewer than {SHORTEST} characters")]
    Short,
    /// More bytes than are looked at.
    #[error("it has more than {LONGEST} bytes")]
    Long,
    /// One that many have.
    #[error("it is made of a word that many use as their password, or of keys that lie side by side")]
    Common,
    /// One that others know.
    #[error("it is made of the name or the mail address of its owner")]
    Known,
}

/// Whether a password is none that is guessed first. `about` is what others know of its owner.
///
/// # Errors
/// With why it is refused.
pub fn check_strength(password: &str, about: &[&str]) -> Result<(), WeakPassword> {
    if password.chars().count() < SHORTEST {
        return Err(WeakPassword::Short);
    }
    if password.len() > LONGEST {
        return Err(WeakPassword::Long);
    }
    let plain = folded(password);
    let core = plain.trim_matches(|c: char| !c.is_alphabetic());
    let read: String = core.chars().map(unleet).collect();
    if [&plain, core, &read].iter().any(|text| COMMON.contains(*text))
        || is_repeated(&plain)
        || is_run(&plain)
    {
        return Err(WeakPassword::Common);
    }
    let parts = about.iter().flat_map(|text| {
        let text = folded(text);
        text.split(['@', ' ', '.']).map(str::to_owned).chain([text.clone()]).collect::<Vec<_>>()
    });
    let mut known = parts.chain(["rigi".to_owned()]).filter(|part| part.chars().count() >= 4);
    if known.any(|part| plain.replace(&part, "").chars().count() < 6) {
        return Err(WeakPassword::Known);
    }
    Ok(())
}

fn unleet(c: char) -> char {
    match c {
        '@' | '4' => 'a',
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '$' | '5' => 's',
        '7' => 't',
        other => other,
    }
}

/// A few characters, again and again: `abcabcabcabc`.
fn is_repeated(text: &str) -> bool {
    let all: Vec<char> = text.chars().collect();
    (1..=all.len() / 2).any(|unit| unit <= 6 && all.iter().zip(all.iter().skip(unit)).all(|(a, b)| a == b))
        || COMMON
            .iter()
            .any(|word| word.len() >= 5 && text.len() <= 3 * word.len() && text.replace(word, "").is_empty())
}

/// Mostly keys that lie side by side.
fn is_run(text: &str) -> bool {
    let pairs: Vec<String> = text.chars().zip(text.chars().skip(1)).map(|(a, b)| format!("{a}{b}")).collect();
    let beside = |pair: &&String| {
        let back: String = pair.chars().rev().collect();
        ROWS.iter().any(|row| row.contains(pair.as_str()) || row.contains(&back))
    };
    pairs.iter().filter(beside).count() * 4 >= pairs.len() * 3
}

/// All places to wait are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// Makes and compares. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    /// What is compared where there is no such account, so that it takes as long.
    nobody: Arc<str>,
    memory: Memory,
}

/// What the work is done in: used again, as each thread of the pool would keep as much for itself.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<Vec<Block>>>>);

impl Memory {
    /// Does something in so many blocks.
    fn with<T>(&self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = free().pop().unwrap_or_default();
        own.resize(blocks, Block::default());
        let result = work(&mut own);
        free().push(own);
        result
    }
}

/// OWASP's first choice: 19 MiB, two passes, one lane.
fn params() -> Params {
    Params::new(19 * 1024, 2, 1, None).unwrap_or_default()
}

/// What a password is made into with this salt.
fn hashed(memory: &Memory, password: &str, salt: Salt<'_>, params: &Params) -> Option<Output> {
    let mut bytes = [0; 64];
    let salt = salt.decode_b64(&mut bytes).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let work = |blocks: &mut [Block]| {
        Output::init_with(length, |out| {
            argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, blocks).map_err(Into::into)
        })
    };
    memory.with(params.block_count(), work).ok()
}

fn make(memory: &Memory, password: &str) -> Option<String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).ok()?;
    let (salt, params) = (SaltString::encode_b64(&salt).ok()?, params());
    let made = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).ok()?,
        salt: Some(salt.as_salt()),
        hash: Some(hashed(memory, password, salt.as_salt(), &params)?),
    };
    Some(made.to_string())
}

fn fits(memory: &Memory, password: &str, phc: &str) -> bool {
    let Ok(known) = PasswordHash::new(phc) else { return false };
    let (Ok(params), Some(salt), Some(hash)) = (Params::try_from(&known), known.salt, known.hash) else {
        return false;
    };
    // What is compared takes the same time wherever it differs.
    known.algorithm == ARGON2ID_IDENT && hashed(memory, password, salt, &params) == Some(hash)
}

impl Passwords {
    /// With all places free. Takes as long as one comparison.
    #[must_use]
    pub fn new() -> Self {
        let memory = Memory::default();
        let nobody = make(&memory, "nobody has this password").unwrap_or_default().into();
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), waiting: Arc::default(), nobody, memory }
    }

    /// What a password is made into, to be stored.
    ///
    /// # Errors
    /// If too many wait.
    pub async fn make(&self, password: String) -> Result<Option<String>, Busy> {
        let memory = self.memory.clone();
        self.work(move || make(&memory, &password)).await
    }

    /// Whether this is the password; `None`: there is none, which is found out in the same time.
    ///
    /// # Errors
    /// If too many wait.
    pub async fn fits(&self, password: String, phc: Option<String>) -> Result<bool, Busy> {
        let (nobody, memory) = (self.nobody.clone(), self.memory.clone());
        self.work(move || {
            let known = phc.is_some();
            let same = fits(&memory, &password, phc.as_deref().unwrap_or(&nobody));
            known && same
        })
        .await
    }

    async fn work<T: Default + Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let waiting = Waiting::enter(&self.waiting).ok_or(Busy)?;
        let place = self.places.clone().acquire_owned().await.map_err(|_| Busy)?;
        drop(waiting);
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        Ok(done.await.unwrap_or_default())
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

/// A place in the queue, given up when dropped: also by who goes away.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn enter(count: &Arc<AtomicUsize>) -> Option<Self> {
        let entered = Self(count.clone());
        (count.fetch_add(1, Ordering::Relaxed) < QUEUE + AT_ONCE).then_some(entered)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_refused() {
        let about = ["Ada Lovelace", "ada.lovelace@example.org"];
        let weak = |password: &str| check_strength(password, &about).err();
        assert_eq!(weak("short"), Some(WeakPassword::Short));
        assert_eq!(weak(&"xy z".repeat(300)), Some(WeakPassword::Long));
        for common in [
            "password1234",
            "Passw0rd2026!",
            "PASSWORDPASSWORD",
            "123456789012",
            "qwertyuiop12",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "abcdefghijkl",
            "sunshine12345",
            "!!!dragon1999",
            "asdfghjkl;12",
            "ｐａｓｓｗｏｒｄ１２３４",
        ] {
            assert_eq!(weak(common), Some(WeakPassword::Common), "{common}");
        }
        for known in ["lovelace12345", "ada.lovelace!", "AdaLovelace99"] {
            assert_eq!(weak(known), Some(WeakPassword::Known), "{known}");
        }
        for good in ["correct horse battery", "q8#Lm2!xV0pz", "der Zug fährt um 7", "Tr0ub4dor&3-lama"] {
            assert_eq!(weak(good), None, "{good}");
        }
    }

    #[tokio::test]
    async fn a_password_fits_what_was_made_of_it() {
        let passwords = Passwords::new();
        let phc = passwords.make("correct horse battery".into()).await.unwrap().unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(passwords.fits("correct horse battery".into(), Some(phc.clone())).await.unwrap());
        assert!(!passwords.fits("correct horse batterx".into(), Some(phc)).await.unwrap());
        assert!(!passwords.fits("nobody has this password".into(), None).await.unwrap());
        assert!(!passwords.fits("x".into(), Some("$1$broken".into())).await.unwrap());
    }

    #[tokio::test]
    async fn more_than_can_wait_are_sent_away() {
        let passwords = Passwords::new();
        let held = passwords.places.clone().acquire_many_owned(AT_ONCE as u32).await.unwrap();
        let waiting: Vec<_> = (0..QUEUE + AT_ONCE)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.fits("x".into(), Some(String::new())).await })
            })
            .collect();
        while passwords.waiting.load(Ordering::Relaxed) < QUEUE + AT_ONCE {
            tokio::task::yield_now().await;
        }
        assert_eq!(passwords.fits("x".into(), None).await, Err(Busy));
        drop(held);
        for one in waiting {
            assert_eq!(one.await.unwrap(), Ok(false));
        }
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), 0);
    }
}
