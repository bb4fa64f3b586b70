//! A look at one pipeline's folder for somebody who wants to run what is in it now.
//!
//! The kernel's word of a change comes some time after the change, so nobody waits for it: each look goes by the facts of
//! all files. Those who ask while a look is under way share the next one, which begins after all of them have asked.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Catalog, Pipeline};

/// Longest time that reading one folder may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why it is not known what a pipeline's folder holds.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LookError {
    /// The machine does not let it be read now.
    #[error("{0}")]
    Read(Arc<io::Error>),
    /// It took too long.
    #[error("its folder was not read to the end within {} s", PATIENCE.as_secs())]
    Slow,
}

type Answer = Result<Option<Arc<Pipeline>>, LookError>;

/// Who waits for the next look at each pipeline that is being looked at.
#[derive(Debug, Default)]
pub(super) struct Looks {
    waiting: Mutex<HashMap<String, Vec<oneshot::Sender<Answer>>>>,
}

impl Catalog {
    /// What a pipeline's folder holds now, whatever the kernel has told by now.
    ///
    /// # Errors
    /// If the machine does not let it be read now.
    pub async fn look(&self, name: &str) -> Result<Option<Arc<Pipeline>>, LookError> {
        let (sender, answer) = oneshot::channel();
        {
            let mut waiting = self.inner.looks.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(next) = waiting.get_mut(name) {
                next.push(sender);
            } else {
                waiting.insert(name.to_owned(), vec![sender]);
                let (catalog, name) = (self.clone(), name.to_owned());
                tokio::task::spawn_blocking(move || catalog.look_for_all(&name));
            }
        }
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(LookError::Read(Arc::new(io::Error::other("reading it broke off")))),
            Err(_) => Err(LookError::Slow),
        }
    }

    /// Looks as often as somebody waits.
    fn look_for_all(&self, name: &str) {
        let looks = &self.inner.looks;
        let _ended = Ended { looks, name };
        let mut asked = looks.next(name);
        while !asked.is_empty() {
            let own = self.refresh_one(name).map_err(|error| LookError::Read(Arc::new(error)));
            let answer = own.map(|own| own.or_else(|| self.synced(name)));
            // Who has the answer finds nobody waiting, unless somebody asked meanwhile.
            let next = looks.next(name);
            for one in asked {
                let _ = one.send(answer.clone());
            }
            asked = next;
        }
    }
}

impl Looks {
    /// Who asked since the last look began. If nobody did, the next one who asks begins anew.
    fn next(&self, name: &str) -> Vec<oneshot::Sender<Answer>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = waiting.get_mut(name).map(std::mem::take).unwrap_or_default();
        if asked.is_empty() {
            waiting.remove(name);
        }
        asked
    }
}

/// Should a look break off, the next one who asks begins anew.
struct Ended<'a> {
    looks: &'a Looks,
    name: &'a str,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.looks.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(self.name);
        }
    }
}

/// What reading a folder gave.
type ReadFolder = (String, PathBuf, io::Result<Option<Arc<Pipeline>>>);

enum Word {
    Begun(String, PathBuf),
    Read(ReadFolder),
}

/// Reads pipelines one after the other. One that takes too long is left to its thread, and another thread reads on.
pub(super) fn read_bounded(catalog: &Catalog, places: Vec<(String, PathBuf)>) -> Vec<ReadFolder> {
    let queue = Arc::new(Mutex::new(VecDeque::from(places)));
    let mut read = Vec::new();
    loop {
        let (sender, words) = mpsc::channel();
        let (reader, left) = (catalog.clone(), queue.clone());
        let work = move || {
            let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            while let Some((name, place)) = next() {
                let begun = sender.send(Word::Begun(name.clone(), place.clone()));
                let outcome = reader.refresh_at(&name, &place);
                if begun.and_then(|()| sender.send(Word::Read((name, place, outcome)))).is_err() {
                    return;
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("pipelines".to_owned()).spawn(work) {
            let left = std::mem::take(&mut *queue.lock().unwrap_or_else(PoisonError::into_inner));
            let again =
                || error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
            read.extend(left.into_iter().map(|(name, place)| (name, place, Err(again()))));
            return read;
        }
        let mut current = None;
        let stuck = loop {
            match words.recv_timeout(PATIENCE) {
                Ok(Word::Begun(name, place)) => current = Some((name, place)),
                Ok(Word::Read(one)) => read.push(one),
                Err(mpsc::RecvTimeoutError::Timeout) => break current,
                Err(mpsc::RecvTimeoutError::Disconnected) => break None,
            }
        };
        if let Some((name, place)) = stuck {
            read.push((
                name,
                place,
                Err(io::Error::new(io::ErrorKind::TimedOut, LookError::Slow.to_string())),
            ));
        }
        if queue.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return read;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::folder::CodeLimits;

    fn catalog(folder: &std::path::Path) -> Catalog {
        Catalog::read(rigi_model::ProjectName::default(), folder, CodeLimits::default())
    }

    async fn version(catalog: &Catalog, name: &str) -> Option<rigi_model::VersionHash> {
        let pipeline = catalog.look(name).await.unwrap()?;
        Some(pipeline.outcome.as_ref().unwrap().version)
    }

    #[tokio::test]
    async fn a_look_sees_what_is_on_disk_when_it_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = catalog(dir.path());
        assert_eq!(version(&catalog, "new").await, None);
        // Made, changed within the same tick of the clock, renamed, removed: nobody watches, and nothing is waited for.
        let main = dir.path().join("new/lib/main.py");
        fs::create_dir_all(main.parent().unwrap()).unwrap();
        fs::write(dir.path().join("new/main.py"), "").unwrap();
        let mut versions = std::collections::HashSet::new();
        for number in 0..200 {
            fs::write(&main, format!("print({:03})", number)).unwrap();
            assert!(versions.insert(version(&catalog, "new").await.unwrap()), "edit {number} was not seen");
        }
        fs::rename(dir.path().join("new"), dir.path().join("other")).unwrap();
        assert_eq!(version(&catalog, "new").await, None);
        assert!(!versions.insert(version(&catalog, "other").await.unwrap()));
        fs::remove_dir_all(dir.path().join("other")).unwrap();
        assert_eq!(version(&catalog, "other").await, None);
        assert!(catalog.all().is_empty());
    }

    #[tokio::test]
    async fn the_spec_is_the_one_of_the_same_moment() {
        let dir = tempfile::tempdir().unwrap();
        let spec = dir.path().join("p/pipeline.yaml");
        fs::create_dir(dir.path().join("p")).unwrap();
        let catalog = catalog(dir.path());
        for minutes in 1..50 {
            fs::write(
                &spec,
                format!(
                    "command: 'true'
timeout: {minutes}m
"
                ),
            )
            .unwrap();
            let looked = catalog.look("p").await.unwrap().unwrap();
            let timeout = looked.outcome.as_ref().unwrap().spec.timeout;
            assert_eq!(timeout, Some(Duration::from_secs(60 * minutes)));
        }
        fs::write(
            &spec,
            "command: 'true'
timout: 1m
",
        )
        .unwrap();
        assert!(catalog.look("p").await.unwrap().unwrap().outcome.is_err());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn those_who_ask_together_share_looks_that_begin_after_they_asked() {
        let dir = tempfile::tempdir().unwrap();
        let main = dir.path().join("p/main.py");
        fs::create_dir(dir.path().join("p")).unwrap();
        let catalog = catalog(dir.path());
        for round in 0..50 {
            fs::write(&main, format!("print({round})")).unwrap();
            let looks: Vec<_> = (0..20)
                .map(|_| {
                    let catalog = catalog.clone();
                    tokio::spawn(async move { version(&catalog, "p").await })
                })
                .collect();
            let alone = version(&catalog, "p").await;
            for look in looks {
                assert_eq!(look.await.unwrap(), alone, "round {round}");
            }
        }
        assert!(catalog.inner.looks.waiting.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn names_that_are_no_folders_of_pipelines_are_nobodys() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["p", ".hidden", "__x"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
            fs::write(dir.path().join(folder).join("main.py"), "").unwrap();
        }
        let catalog = catalog(&dir.path().join("p"));
        let long = "a".repeat(5000);
        for name in ["..", "../p", "", ".", "/", "p/../p", "main.py", "p\0", &long] {
            assert!(catalog.look(name).await.unwrap().is_none(), "{name}");
        }
        assert!(catalog.all().is_empty());
        let catalog = self::catalog(dir.path());
        for name in [".hidden", "__x"] {
            assert!(catalog.look(name).await.unwrap().is_none(), "{name}");
        }
    }
}
