//! Where the pipelines of a project come from: its folder, then its repositories, by name. Of two pipelines of one name the first counts, and
//! the other is told where its repository is shown.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use super::stored::OfRepository;
use super::{Catalog, Pipeline};

impl Catalog {
    /// What its repositories hold, by their names.
    #[must_use]
    pub fn repositories(&self) -> Vec<Arc<OfRepository>> {
        self.inner.repositories.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a repository holds from now on, all of it at once; `None`: nothing.
    pub fn set_repository(&self, name: &str, of: Option<Arc<OfRepository>>) {
        let mut all = self.inner.repositories.write().unwrap_or_else(PoisonError::into_inner);
        // What was read later may be told earlier.
        if let (Some(of), Some(there)) = (&of, all.iter().find(|one| one.name == name))
            && (there.synced_at > of.synced_at || (there.synced_at == of.synced_at && !there.unread))
        {
            return;
        }
        let before = all.iter().position(|one| one.name == name).map(|at| all.remove(at));
        if let Some(of) = &of {
            let at = all.partition_point(|one| one.name.as_str() < name);
            all.insert(at, of.clone());
        }
        drop(all);
        let names: BTreeSet<&String> =
            before.iter().chain(&of).flat_map(|one| one.pipelines.keys()).collect();
        for name in names {
            let old = before.as_ref().and_then(|one| one.pipelines.get(name));
            let new = of.as_ref().and_then(|one| one.pipelines.get(name));
            let same = matches!((old, new), (Some(old), Some(new)) if old.same_as(new));
            if !same && self.own(name).is_none() {
                let _ = self.inner.changes.send(name.clone());
            }
        }
    }

    /// Who has a pipeline of this name before a repository does: `None` is nobody, and then it is the repository's.
    #[must_use]
    pub fn taken_by(&self, pipeline: &str, repository: &str) -> Option<String> {
        if self.own(pipeline).is_some() {
            return Some("the folder of pipelines".to_owned());
        }
        let all = self.repositories();
        let mut before = all.iter().take_while(|one| one.name.as_str() < repository);
        before
            .find(|one| one.pipelines.contains_key(pipeline))
            .map(|one| format!("the repository `{}`", one.name))
    }

    /// The repositories that have a pipeline of the name of this one, which counts before theirs.
    #[must_use]
    pub fn shadows_of(&self, pipeline: &Pipeline) -> Vec<String> {
        let own = pipeline.origin.as_ref().map(|origin| origin.repository.as_str());
        let all = self.repositories();
        let others = all.iter().filter(|one| Some(one.name.as_str()) != own);
        others
            .filter(|one| one.pipelines.contains_key(pipeline.name.as_str()))
            .map(|one| one.name.clone())
            .collect()
    }

    /// One that came from a repository.
    pub(super) fn synced(&self, name: &str) -> Option<Arc<Pipeline>> {
        let all = self.inner.repositories.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().find_map(|one| one.pipelines.get(name).cloned())
    }
}
