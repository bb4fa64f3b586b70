//! Audits of packages: one row each, with what is told of it; the old ones go, and all of a project do with it.

use rigi_model::Timestamp;
use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::notices::{Facts, NoticeKind};
use rigi_model::packages::{
    Advisory, AuditCause, AuditOutcome, Finding, Package, PackageOrigin, Severity, Stands,
};
use rigi_store::Store;
use rigi_store::packages::{AuditWord, PackageAudit};

use crate::support::{T, lab, on_each, project};

fn audit(pipeline: &str, number: i64, outcome: AuditOutcome) -> PackageAudit {
    let advisory = Advisory {
        id: "PYSEC-2018-28".into(),
        aliases: vec!["CVE-2018-18074".into()],
        severity: Some(Severity::High),
        summary: Some("It sends \"credentials\" – elsewhere".into()),
        fixed_in: vec!["2.20.0".into()],
    };
    let finding = Finding {
        package: "requests".into(),
        version: "2.19.0".into(),
        advisory,
        ignored: Some("not reached".into()),
    };
    PackageAudit {
        pipeline: pipeline.into(),
        number,
        at: Timestamp(T.0 + number),
        cause: AuditCause::Schedule,
        asked_by: "schedule".into(),
        source: "https://api.osv.dev".into(),
        origin: PackageOrigin::Environment,
        environment: Some("ab".repeat(16)),
        label: Some("Python 3.12.1 with 2 packages".into()),
        outcome,
        message: (outcome == AuditOutcome::Unknown).then(|| "could not be checked: it hangs".into()),
        packages: vec![Package::pinned("requests", "2.19.0"), Package::unchecked("own", "is a folder")],
        findings: if outcome == AuditOutcome::Vulnerable { vec![finding] } else { Vec::new() },
        standing: vec![Stands { package: "requests".into(), id: "PYSEC-2018-28".into() }],
    }
}

async fn note(store: &Store, one: &PackageAudit) {
    store.note_package_audit(&project(), one, None, AuditWord::Nothing, &[]).await.unwrap();
}

#[test]
fn an_audit_is_kept_as_it_was_and_told_once() {
    on_each(async |store: Store| {
        let mut commits = store.commits();
        let first = audit("etl", 1, AuditOutcome::Vulnerable);
        let facts = Facts {
            pipeline: Some("etl".into()),
            message: Some("requests 2.19.0".into()),
            ..Facts::default()
        };
        store
            .note_package_audit(&project(), &first, None, AuditWord::Found(facts.clone()), &[])
            .await
            .unwrap();
        let told = commits.recv().await.unwrap();
        let told: Vec<_> = told.others.iter().map(|change| (change.subject, change.kind.clone())).collect();
        assert!(told.contains(&(Subject::Packages, SubjectEvent::CHANGED.into())), "{told:?}");
        let occurred = store.db().occurrences().await.unwrap();
        assert_eq!((occurred.len(), occurred[0].kind), (1, NoticeKind::Vulnerable));
        assert_eq!((occurred[0].pipeline.as_deref(), &occurred[0].facts), (Some("etl"), &facts));
        // Another server was first: neither it nor what it tells counts.
        let again = store.note_package_audit(&project(), &first, None, AuditWord::Over(facts), &[]).await;
        assert!(again.is_err());
        assert_eq!(store.db().occurrences().await.unwrap().len(), 1);
        note(&store, &audit("etl", 2, AuditOutcome::Unknown)).await;
        note(&store, &audit("fit", 1, AuditOutcome::Clean)).await;
        let all = store.db().package_audits(&project(), "etl", None, 10).await.unwrap();
        assert_eq!(all, [audit("etl", 2, AuditOutcome::Unknown), first.clone()]);
        assert_eq!(store.db().package_audits(&project(), "etl", Some(2), 10).await.unwrap(), [first]);
        let latest = store.db().latest_package_audits(&project()).await.unwrap();
        let latest: Vec<_> = latest.iter().map(|one| (one.pipeline.as_str(), one.number)).collect();
        assert_eq!(latest, [("etl", 2), ("fit", 1)]);
        assert!(store.db().latest_package_audits(&lab()).await.unwrap().is_empty());
        assert_eq!(store.db().packages_audited_at().await.unwrap(), Some(Timestamp(T.0 + 2)));
    });
}

#[test]
fn old_audits_go() {
    on_each(async |store: Store| {
        assert_eq!(store.db().packages_audited_at().await.unwrap(), None);
        for number in [1, 2, 3, 52] {
            note(&store, &audit("etl", number, AuditOutcome::Clean)).await;
        }
        let all = store.db().package_audits(&project(), "etl", None, 100).await.unwrap();
        assert_eq!(all.iter().map(|one| one.number).collect::<Vec<_>>(), [52, 3]);
    });
}

#[test]
fn nights_in_which_nothing_changes_leave_one_row() {
    on_each(async |store: Store| {
        note(&store, &audit("etl", 1, AuditOutcome::Vulnerable)).await;
        note(&store, &audit("etl", 2, AuditOutcome::Clean)).await;
        let again = audit("etl", 3, AuditOutcome::Clean);
        assert!(again.says_the_same(&audit("etl", 2, AuditOutcome::Clean)));
        assert!(!again.says_the_same(&audit("etl", 1, AuditOutcome::Vulnerable)));
        store.note_package_audit(&project(), &again, Some(2), AuditWord::Nothing, &[]).await.unwrap();
        let all = store.db().package_audits(&project(), "etl", None, 10).await.unwrap();
        assert_eq!(all.iter().map(|one| one.number).collect::<Vec<_>>(), [3, 1]);
    });
}
