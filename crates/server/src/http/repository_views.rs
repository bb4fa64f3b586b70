//! From what is stored of repositories to what the API says.

use rigi_api::view::{
    RepositoryPipeline, RepositoryView, SyncFailure, SyncLine, SyncPlan, SyncView, SyncedView,
};
use rigi_engine::catalog::Pipeline;
use rigi_engine::repositories::keys::fingerprints;
use rigi_engine::repositories::name_is_taken;
use rigi_model::quantity::write_duration;
use rigi_model::repositories::plan::{Change, Plan, PlanLine};
use rigi_model::repositories::{Address, Reference, RepositorySpec};
use rigi_store::repositories::{Repository, Sync};
use std::time::Duration;

use super::scope::Scope;

/// A repository with what it holds.
pub(super) fn view(scope: &Scope, repository: Repository) -> RepositoryView {
    let catalog = scope.catalog();
    let held = catalog.repositories().into_iter().find(|one| one.name == repository.name);
    let looked = scope.repositories.looked(scope.project(), &repository.name);
    let (token, hook) = (repository.has_token(), repository.has_hook());
    let spec = repository.spec;
    let pipeline = |(name, pipeline): (&String, &std::sync::Arc<Pipeline>)| {
        let ready = pipeline.outcome.as_ref().ok();
        let taken = name_is_taken(catalog, name, &repository.name);
        let mistakes = pipeline.outcome.as_ref().err().into_iter().flatten();
        let mistakes = mistakes.map(|mistake| format!("{}  {}", pipeline.path_of(mistake), mistake.message));
        let version = ready.filter(|_| taken.is_none()).map(|ready| ready.version.to_string());
        RepositoryPipeline { name: name.clone(), version, mistakes: mistakes.chain(taken).collect() }
    };
    let synced = held.as_ref().map(|held| SyncedView {
        page: spec.commit_page(&held.commit),
        commit: held.commit.clone(),
        at: held.synced_at,
    });
    let pipelines = held.as_ref().map(|held| held.pipelines.iter().map(pipeline).collect());
    let named = |wanted: fn(&Reference) -> Option<&String>| wanted(&spec.reference).cloned();
    RepositoryView {
        branch: named(|reference| if let Reference::Branch(name) = reference { Some(name) } else { None }),
        tag: named(|reference| if let Reference::Tag(name) = reference { Some(name) } else { None }),
        commit: named(|reference| if let Reference::Commit(id) = reference { Some(id) } else { None }),
        page: Address::parse(&spec.url).ok().and_then(|address| address.page()),
        interval: spec.interval.map(|seconds| write_duration(Duration::from_secs(seconds))),
        name: repository.name.clone(),
        url: spec.url,
        folder: spec.folder,
        forge: spec.forge,
        user: spec.user,
        token,
        public_key: repository.public_key,
        host_keys: repository.host_key.as_deref().map(fingerprints).unwrap_or_default(),
        hook,
        synced,
        pipelines: pipelines.unwrap_or_default(),
        looked_at: looked.as_ref().map(|looked| looked.at),
        failure: looked
            .and_then(|looked| looked.failure)
            .map(|failure| SyncFailure { message: failure.message, cure: failure.cure }),
        made_at: repository.made_at,
        changed_at: repository.changed_at,
        changed_by: repository.changed_by,
    }
}

/// What a sync changes, or would.
pub(super) fn plan_view(spec: &RepositorySpec, plan: Plan) -> SyncPlan {
    SyncPlan {
        page: spec.commit_page(&plan.commit),
        added: plan.count(Change::Added),
        removed: plan.count(Change::Removed),
        changed: plan.count(Change::Changed),
        invalid: plan.invalid(),
        same: plan.same,
        commit: plan.commit,
        before: plan.before,
        subject: plan.subject,
        pipelines: plan.pipelines.into_iter().map(line_view).collect(),
        told: plan.told,
    }
}

fn line_view(line: PlanLine) -> SyncLine {
    SyncLine {
        name: line.name,
        change: line.change,
        files_added: line.added,
        files_removed: line.removed,
        files_changed: line.changed,
        mistakes: line.mistakes,
        warnings: line.warnings,
    }
}

/// A sync that took place.
pub(super) fn sync_view(spec: &RepositorySpec, sync: Sync) -> SyncView {
    SyncView {
        number: sync.number,
        begun_at: sync.begun_at,
        ended_at: sync.ended_at,
        cause: sync.cause,
        asked_by: sync.asked_by,
        outcome: sync.outcome,
        plan: sync.plan.map(|plan| plan_view(spec, plan)),
        message: sync.message,
    }
}
