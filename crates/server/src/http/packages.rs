//! Packages of pipelines: which there are, what audits found, and an audit now. The log of who did what is another thing: see `audit`.

use rigi_api::view::{FindingView, PackageAuditView, PackageView, PackagesView, Page};
use rigi_model::ErrorCode;
use rigi_model::Timestamp;
use rigi_model::packages::{Finding, Package};
use rigi_store::packages::PackageAudit;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::{Path, Query};
use super::scope::Scope;
use super::state::AppState;
use crate::packages::{AuditError, Wanted};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_packages))
        .routes(routes!(list_audits_of_packages, audit_packages))
        .routes(routes!(list_package_audits, audit_all_packages))
}

impl From<AuditError> for ApiError {
    fn from(error: AuditError) -> Self {
        let text = error.to_string();
        match error {
            AuditError::Store(error) => error.into(),
            AuditError::NoPipeline => Self::new(ErrorCode::NotFound, text),
            AuditError::Off => Self::new(ErrorCode::StateConflict, text)
                .cure("Have an operator set `audit.source`, such as `https://api.osv.dev`."),
            AuditError::Busy => Self::new(ErrorCode::StateConflict, text).cure("Wait for it to end."),
            AuditError::Nothing(_) => Self::new(ErrorCode::StateConflict, text)
                .cure("An audit is of the environment that Rigi makes for a script or a notebook."),
        }
    }
}

/// The packages of a pipeline, with what the last audit found against them.
#[utoipa::path(get, path = "/pipelines/{name}/packages", tag = "packages", extensions(("x-rigi-action" = json!("packages.read"))),
    params(("name" = String, Path, description = "Name of the pipeline")),
    responses((status = 200, description = "All packages", body = PackagesView)))]
async fn list_packages(scope: Scope, Path(name): Path<String>) -> ApiResult<axum::Json<PackagesView>> {
    let found = scope.auditor.find(scope.project(), &name).await;
    let found = found.map_err(|error| unknown(&scope, &name, error))?;
    let last = scope.db().package_audits(scope.project(), &name, None, 1).await?.pop();
    let settings = scope.auditor.settings();
    let now = Timestamp::now();
    let mut view = PackagesView {
        pipeline: name,
        origin: None,
        environment: None,
        incomplete: None,
        none: None,
        packages: Vec::new(),
        audit: None,
        outdated: false,
        source: settings.source.as_ref().map(crate::packages::Source::name),
        next_at: settings
            .rhythm
            .as_ref()
            .filter(|_| settings.source.is_some())
            .and_then(|one| one.next_after(now)),
    };
    // Environments are on the machine of the server that leads: another one tells what that has seen.
    let seen_there = last.as_ref().filter(|_| !scope.engine.leads());
    let packages = match (found, seen_there) {
        (_, Some(last)) => {
            view.origin = Some(last.origin);
            view.environment = last.label.clone();
            last.packages.clone()
        }
        (Ok(found), None) => {
            view.origin = Some(found.origin);
            view.environment = found.label;
            view.incomplete = found.incomplete;
            found.packages
        }
        (Err(none), None) => {
            view.none = Some(none.words());
            Vec::new()
        }
    };
    view.outdated = last.as_ref().is_some_and(|last| !same(&last.packages, &packages));
    view.packages = packages.into_iter().map(|one| package_view(one, last.as_ref())).collect();
    view.audit = last.map(audit_view);
    Ok(axum::Json(view))
}

fn unknown(scope: &Scope, name: &str, error: AuditError) -> ApiError {
    match error {
        AuditError::NoPipeline => super::pipelines::missing(scope, name),
        other => other.into(),
    }
}

fn same(one: &[Package], other: &[Package]) -> bool {
    let key = |package: &Package| (package.name.clone(), package.version.clone());
    one.len() == other.len() && one.iter().map(key).eq(other.iter().map(key))
}

fn package_view(package: Package, last: Option<&PackageAudit>) -> PackageView {
    let is_it = |one: &&Package| one.name == package.name && one.version == package.version;
    let known = last.and_then(|last| last.packages.iter().find(is_it));
    let findings = last.into_iter().flat_map(|last| &last.findings);
    let its = findings.filter(|one| known.is_some() && one.package == package.name);
    PackageView {
        findings: its
            .filter(|one| is_version(one, package.version.as_deref()))
            .cloned()
            .map(finding_view)
            .collect(),
        unchecked: package.unchecked.or_else(|| known?.unchecked.clone()),
        name: package.name,
        version: package.version,
    }
}

/// What was added to a version locally is not in a finding's.
fn is_version(finding: &Finding, version: Option<&str>) -> bool {
    let public = version.and_then(|version| version.split('+').next());
    version == Some(&*finding.version) || public.is_some_and(|public| same_version(public, &finding.version))
}

fn same_version(one: &str, other: &str) -> bool {
    let read =
        |version: &str| rigi_model::packages::pinned(&Package::pinned("x", version)).map(|one| one.version);
    read(one) == read(other)
}

fn finding_view(finding: Finding) -> FindingView {
    let Finding { package, version, advisory, ignored } = finding;
    FindingView {
        package,
        version,
        url: format!("https://osv.dev/vulnerability/{}", advisory.id),
        id: advisory.id,
        aliases: advisory.aliases,
        severity: advisory.severity,
        summary: advisory.summary,
        fixed_in: advisory.fixed_in,
        ignored,
    }
}

fn audit_view(audit: PackageAudit) -> PackageAuditView {
    PackageAuditView {
        packages: audit.packages.len() as u64,
        unchecked: audit.packages.iter().filter(|one| one.unchecked.is_some()).count() as u64,
        findings: audit.findings.into_iter().map(finding_view).collect(),
        pipeline: audit.pipeline,
        number: audit.number,
        at: audit.at,
        cause: audit.cause,
        asked_by: audit.asked_by,
        source: audit.source,
        origin: audit.origin,
        outcome: audit.outcome,
        message: audit.message,
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListAudits {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many, up to 50; 20 unless told.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<u32>,
}

/// Audits of a pipeline's packages, the newest first.
#[utoipa::path(get, path = "/pipelines/{name}/audits", tag = "packages", extensions(("x-rigi-action" = json!("packages.read"))),
    params(ListAudits, ("name" = String, Path, description = "Name of the pipeline")),
    responses((status = 200, description = "A page", body = Page<PackageAuditView>)))]
async fn list_audits_of_packages(
    scope: Scope,
    Path(name): Path<String>,
    Query(query): Query<ListAudits>,
) -> ApiResult<axum::Json<Page<PackageAuditView>>> {
    scope.catalog().get(&name).ok_or_else(|| super::pipelines::missing(&scope, &name))?;
    let limit = super::pipelines::bounded(query.limit, 20, 50)?;
    let wrong = |_| ApiError::invalid("/query/cursor", "no page ends with it");
    let before = query.cursor.as_deref().map(str::parse::<i64>).transpose().map_err(wrong)?;
    let mut all = scope.db().package_audits(scope.project(), &name, before, limit + 1).await?;
    let more = all.len() > limit as usize;
    all.truncate(limit as usize);
    let next_cursor = all.last().filter(|_| more).map(|audit| audit.number.to_string());
    Ok(axum::Json(Page { items: all.into_iter().map(audit_view).collect(), next_cursor }))
}

/// Audits the packages of a pipeline now.
#[utoipa::path(post, path = "/pipelines/{name}/audits", tag = "packages", extensions(("x-rigi-action" = json!("packages.audit"))),
    params(("name" = String, Path, description = "Name of the pipeline")),
    responses((status = 200, description = "What it came to", body = PackageAuditView)))]
async fn audit_packages(scope: Scope, Path(name): Path<String>) -> ApiResult<axum::Json<PackageAuditView>> {
    scope.catalog().get(&name).ok_or_else(|| super::pipelines::missing(&scope, &name))?;
    let wanted = Wanted { project: scope.project().clone(), pipeline: name, done: Vec::new() };
    let mut audits = audit(&scope, vec![wanted]).await?;
    let audit =
        audits.pop().ok_or_else(|| ApiError::new(ErrorCode::Internal, "the audit came to nothing"))?;
    Ok(axum::Json(audit_view(audit)))
}

/// Whoever asked may hang up: an audit that was begun comes to its end all the same.
async fn audit(scope: &Scope, wanted: Vec<Wanted>) -> ApiResult<Vec<PackageAudit>> {
    let (auditor, by) = (scope.auditor.clone(), scope.actor().to_string());
    let made = tokio::spawn(async move { auditor.audit_now(wanted, &by).await });
    Ok(made.await.map_err(|_| ApiError::new(ErrorCode::Internal, "the audit broke off"))??)
}

/// The last audit of each pipeline of the project.
#[utoipa::path(get, path = "/package-audits", tag = "packages", extensions(("x-rigi-action" = json!("packages.read"))),
    responses((status = 200, description = "All of them, by pipeline", body = Page<PackageAuditView>)))]
async fn list_package_audits(scope: Scope) -> ApiResult<axum::Json<Page<PackageAuditView>>> {
    let all = scope.db().latest_package_audits(scope.project()).await?;
    // Of a pipeline that is gone nobody needs to hear.
    let there = all.into_iter().filter(|audit| scope.catalog().get(&audit.pipeline).is_some());
    Ok(axum::Json(Page { items: there.map(audit_view).collect(), next_cursor: None }))
}

/// Audits the packages of all pipelines of the project now; those without an environment of Rigi's are left out.
#[utoipa::path(post, path = "/package-audits", tag = "packages", extensions(("x-rigi-action" = json!("packages.audit"))),
    responses((status = 200, description = "What each came to", body = Page<PackageAuditView>)))]
async fn audit_all_packages(scope: Scope) -> ApiResult<axum::Json<Page<PackageAuditView>>> {
    let wanted = |pipeline: std::sync::Arc<rigi_engine::catalog::Pipeline>| Wanted {
        project: scope.project().clone(),
        pipeline: pipeline.name.to_string(),
        done: Vec::new(),
    };
    let all = scope.catalog().all().into_iter().map(wanted).collect();
    let audits = audit(&scope, all).await?;
    Ok(axum::Json(Page { items: audits.into_iter().map(audit_view).collect(), next_cursor: None }))
}
