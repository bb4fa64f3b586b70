//! The end of a run, and what is told of it.

use std::time::Duration;

use rigi_model::notices::{Ended, Facts, NoticeKind, meet_end, meet_trouble};
use rigi_model::quantity::show_bytes;
use rigi_model::triggers::FollowUpKind;
use rigi_model::{RunState, Timestamp};
use rigi_store::Run;
use rigi_store::notices::{Happened, Words};
use rigi_store::triggers::FollowUp;

use super::happened::{Tale, incident, keep, named};
use crate::Engine;
use crate::projects::Projects;

/// So many times what it takes as a rule is slow.
const SLOW: u64 = 2;
/// What takes less than this is never slow.
const NEVER_SLOW: Duration = Duration::from_secs(5);
/// The part of what may be stored from which on that is told.
const NEARLY_FULL: (u64, u64) = (9, 10);
/// The part below which it is no trouble any more.
const ROOM_AGAIN: (u64, u64) = (8, 10);

/// Looks at the end of a run, or at what it used.
pub(crate) async fn ended(engine: &Engine, projects: &Projects, one: &FollowUp) -> rigi_store::Result<()> {
    let now = Timestamp::now();
    let mut words = Words::default();
    match engine.store().db().run_of_any(&one.run).await {
        Ok(run) => match one.kind {
            FollowUpKind::SoftLimit => soft_limit(engine, projects, &run, now, &mut words).await?,
            _ => end(engine, projects, &run, now, &mut words).await?,
        },
        Err(error) if error.is_damage() || matches!(error, rigi_store::Error::NotFound { .. }) => {
            tracing::error!(run = %one.run, %error, "nobody is told of it");
        }
        Err(error) => return Err(error),
    }
    engine.store().tell_of(&Happened::End(one.clone()), words, now).await
}

fn facts_of(projects: &Projects, run: &Run) -> Facts {
    let ran = run.status.started_at.zip(run.status.ended_at).map(|(from, to)| to.since(from));
    Facts {
        project: named(projects, &run.request.project),
        pipeline: Some(run.request.pipeline.to_string()),
        run: Some(run.request.id.to_string()),
        state: Some(run.status.state.to_string()),
        reason: run.status.reason.map(|reason| reason.to_string()),
        message: run.status.message.clone(),
        duration_ms: ran.map(millis),
        ..Facts::default()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

async fn end(
    engine: &Engine,
    projects: &Projects,
    run: &Run,
    now: Timestamp,
    words: &mut Words,
) -> rigi_store::Result<()> {
    let (project, pipeline) = (&run.request.project, run.request.pipeline.as_str());
    let rules = engine.rules().of(project);
    let open = engine.store().db().open_incidents(project, pipeline).await?;
    let facts = facts_of(projects, run);
    let id = run.request.id.as_str();
    let ended = match run.status.state {
        RunState::Succeeded => Ended::Succeeded,
        _ => Ended::Failed,
    };
    let before = open.iter().find(|incident| incident.kind == NoticeKind::Failed);
    let told = meet_end(before.map(incident), ended, now);
    let of = (project, NoticeKind::Failed, pipeline);
    let incident = keep((before, &told), of, Some(&run.request.id), now, words);
    if let (Some(kind), Some(incident)) = (told.kind, incident) {
        let facts = match &told.over {
            Some(over) => Facts {
                failures: Some(over.count),
                duration_ms: Some(millis(now.since(over.opened_at))),
                ..facts.clone()
            },
            None => facts.clone(),
        };
        Tale { kind, facts, dedupe: format!("{incident} {kind}"), project }.tell(&rules, now, words);
    }
    if ended == Ended::Succeeded {
        // What was missed, or had waited, is over as well. Its packages are what they were.
        let lasts = |kind| matches!(kind, NoticeKind::Failed | NoticeKind::Vulnerable);
        for other in open.iter().filter(|incident| !lasts(incident.kind)) {
            words.incidents.push(rigi_store::notices::IncidentRow { closed_at: Some(now), ..other.clone() });
        }
        let succeeded = NoticeKind::Succeeded;
        Tale { kind: succeeded, facts: facts.clone(), dedupe: format!("{id} {succeeded}"), project }
            .tell(&rules, now, words);
        slow(engine, run, facts, now, words).await?;
    }
    storage(engine, projects, run, now, words).await
}

async fn slow(
    engine: &Engine,
    run: &Run,
    facts: Facts,
    now: Timestamp,
    words: &mut Words,
) -> rigi_store::Result<()> {
    let (project, kind) = (&run.request.project, NoticeKind::Slow);
    let took = facts.duration_ms.unwrap_or(0);
    if !engine.rules().tell_of(project, kind) || took < millis(NEVER_SLOW) {
        return Ok(());
    }
    let usual = engine.store().db().expected_us(project, &run.request.pipeline).await?;
    let Some(usual) = usual.map(|usual| usual / 1000).filter(|usual| took > SLOW * usual) else {
        return Ok(());
    };
    let facts = Facts { usual_ms: Some(usual), ..facts };
    let dedupe = format!("{} {kind}", run.request.id);
    Tale { kind, facts, dedupe, project }.tell(&engine.rules().of(project), now, words);
    Ok(())
}

async fn soft_limit(
    engine: &Engine,
    projects: &Projects,
    run: &Run,
    now: Timestamp,
    words: &mut Words,
) -> rigi_store::Result<()> {
    let (project, kind) = (&run.request.project, NoticeKind::SoftLimit);
    let told =
        engine.store().db().event_message(&run.request.id, rigi_model::event::RunEvent::SOFT_LIMIT).await?;
    let facts = Facts { message: told, ..facts_of(projects, run) };
    let dedupe = format!("{} {} {kind}", run.request.id, run.status.attempt);
    Tale { kind, facts, dedupe, project }.tell(&engine.rules().of(project), now, words);
    Ok(())
}

/// What a project has stored, where it may store only so much.
async fn storage(
    engine: &Engine,
    projects: &Projects,
    run: &Run,
    now: Timestamp,
    words: &mut Words,
) -> rigi_store::Result<()> {
    let (project, kind) = (&run.request.project, NoticeKind::Storage);
    let Some(most) = engine.settings.projects.of(project).quota.storage else { return Ok(()) };
    if !engine.rules().tell_of(project, kind) {
        return Ok(());
    }
    let used = engine.stored.bytes_of(engine.store(), project).await?;
    let beyond =
        |(part, of): (u64, u64)| u128::from(used) * u128::from(of) >= u128::from(most) * u128::from(part);
    let open = engine.store().db().open_incidents(project, "").await?;
    let before = open.iter().find(|incident| incident.kind == kind);
    if beyond(NEARLY_FULL) {
        let told = meet_trouble(before.map(incident), kind, now);
        let incident = keep((before, &told), (project, kind, ""), None, now, words);
        if let (Some(_), Some(incident)) = (told.kind, incident) {
            let message = format!("{} of {} are used", show_bytes(used), show_bytes(most));
            let facts =
                Facts { project: named(projects, project), message: Some(message), ..Facts::default() };
            Tale { kind, facts, dedupe: format!("{incident} {kind}"), project }.tell(
                &engine.rules().of(project),
                now,
                words,
            );
        }
    } else if let Some(open) = before.filter(|_| !beyond(ROOM_AGAIN)) {
        words.incidents.push(rigi_store::notices::IncidentRow { closed_at: Some(now), ..open.clone() });
    }
    Ok(())
}
