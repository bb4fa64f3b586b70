//! `rigi packages`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_api::view::{FindingView, PackageAuditView, PackageView, PackagesView, Page};
use rigi_model::packages::AuditOutcome;

use super::output::{List, OutputArgs, print_value};
use super::session::Session;
use super::table::Column;
use super::words;
use crate::terminal::{Exit, remark, say};

/// `rigi packages`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi packages list co2-trend               which packages it has, and what is known against them
  rigi packages audit co2-trend              look now
  rigi packages audit                        all pipelines
  rigi packages audits co2-trend             what audits came to

`audit` ends with 0 where nothing is known, with 1 where something is, and with 69 where not all could be checked.
Who did what is another thing: `rigi audit`.")]
pub struct Packages {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The packages of a pipeline, with what the last audit found
    List {
        /// Name of the pipeline
        pipeline: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Look now for what is publicly known against packages
    Audit {
        /// Name of the pipeline; all of them unless told
        pipeline: Option<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// What audits of a pipeline's packages came to, the newest first; the last one of each pipeline unless one is named
    Audits {
        /// Name of the pipeline
        pipeline: Option<String>,
        /// So many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        output: OutputArgs,
    },
}

impl Packages {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            match self.command {
                Command::List { pipeline, output } => {
                    let found: PackagesView = client.get(&["pipelines", &pipeline, "packages"], &[]).await?;
                    packages(&found, output, session)?;
                    Ok(Exit::Ok.into())
                }
                Command::Audit { pipeline: Some(pipeline), output } => {
                    let audit: PackageAuditView =
                        client.act_patiently(&["pipelines", &pipeline, "audits"], &[]).await?;
                    match output.is_for_people() {
                        true => told(&audit, output, session)?,
                        false => print_value(&audit, output, || vec![audit.pipeline.clone()])?,
                    }
                    Ok(exit_of(&[audit]).into())
                }
                Command::Audit { pipeline: None, output } => {
                    let page: Page<PackageAuditView> = client.act_patiently(&["package-audits"], &[]).await?;
                    audits(&page.items, output, session)?;
                    Ok(exit_of(&page.items).into())
                }
                Command::Audits { pipeline, limit, output } => {
                    let limit = [("limit", limit.to_string())];
                    let page: Page<PackageAuditView> = match &pipeline {
                        Some(pipeline) => client.get(&["pipelines", pipeline, "audits"], &limit).await?,
                        None => client.get(&["package-audits"], &[]).await?,
                    };
                    audits(&page.items, output, session)?;
                    Ok(Exit::Ok.into())
                }
            }
        })
    }
}

/// What was found counts more than what could not be checked.
fn exit_of(audits: &[PackageAuditView]) -> Exit {
    let any = |outcome| audits.iter().any(|audit| audit.outcome == outcome);
    if any(AuditOutcome::Vulnerable) {
        Exit::Failed
    } else if any(AuditOutcome::Unknown) {
        Exit::Unavailable
    } else {
        Exit::Ok
    }
}

fn known(package: &PackageView) -> String {
    let mut words: Vec<String> = package.findings.iter().map(short).collect();
    words.extend(package.unchecked.as_ref().map(|why| format!("not checked: {why}")));
    words.join(", ")
}

fn short(finding: &FindingView) -> String {
    let severity = finding.severity.map(|one| format!(" ({one})")).unwrap_or_default();
    let fixed = finding.fixed_in.first().map(|one| format!(", mended in {one}")).unwrap_or_default();
    let ignored = finding.ignored.as_ref().map(|why| format!(", ignored: {why}")).unwrap_or_default();
    format!("{}{severity}{fixed}{ignored}", finding.id)
}

fn packages(found: &PackagesView, output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(found, output, || found.packages.iter().map(|one| one.name.clone()).collect());
    }
    let list = List {
        items: &found.packages,
        columns: &[Column::elastic("PACKAGE", 16), Column::fixed("VERSION"), Column::elastic("KNOWN", 30)],
        wide: &[],
        row: &|one: &PackageView| {
            vec![one.name.clone().into(), one.version.clone().unwrap_or_default().into(), known(one).into()]
        },
        name: &|one| one.name.clone(),
        nothing: found.none.as_deref().unwrap_or("It has no packages."),
    };
    list.print(output, &session.terminal)?;
    let mut lines: Vec<String> = Vec::new();
    lines.extend(found.incomplete.iter().map(|why| format!("there may be more packages: {why}")));
    match (&found.source, &found.audit) {
        (None, _) => lines.push("packages are not audited here: an operator sets `audit.source`".to_owned()),
        (Some(_), None) => lines.push(format!("not audited yet: `rigi packages audit {}`", found.pipeline)),
        (Some(_), Some(audit)) => {
            let others = if found.outdated { "; the packages are others now" } else { "" };
            lines.push(format!("audited {}, {}{others}", words::date(audit.at), outcome(audit)));
        }
    }
    lines.iter().for_each(|line| remark(line));
    Ok(())
}

fn outcome(audit: &PackageAuditView) -> String {
    let counting = audit.findings.iter().filter(|one| one.ignored.is_none()).count();
    let found = match (audit.outcome, counting) {
        (AuditOutcome::Clean, _) => "nothing is known against them".to_owned(),
        (AuditOutcome::Vulnerable, 1) => "1 finding".to_owned(),
        (AuditOutcome::Vulnerable, count) => format!("{count} findings"),
        (AuditOutcome::Unknown, _) => "unknown".to_owned(),
    };
    match &audit.message {
        Some(why) => format!("{found}: {why}"),
        None => found,
    }
}

/// One audit for people.
fn told(audit: &PackageAuditView, output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: &audit.findings,
        columns: &[
            Column::elastic("PACKAGE", 12),
            Column::fixed("VERSION"),
            Column::elastic("ADVISORY", 14),
            Column::fixed("SEVERITY"),
            Column::elastic("MENDED IN", 8),
            Column::elastic("ABOUT", 20),
        ],
        wide: &[Column::elastic("ALIASES", 12), Column::elastic("IGNORED", 10), Column::elastic("URL", 20)],
        row: &|one: &FindingView| {
            vec![
                one.package.clone().into(),
                one.version.clone().into(),
                one.id.clone().into(),
                one.severity.map_or("", |severity| severity.as_str()).into(),
                one.fixed_in.join(", ").into(),
                match &one.ignored {
                    Some(why) => format!("ignored: {why}").into(),
                    None => one.summary.clone().unwrap_or_default().into(),
                },
                one.aliases.join(", ").into(),
                one.ignored.clone().unwrap_or_default().into(),
                one.url.clone().into(),
            ]
        },
        name: &|one| one.id.clone(),
        nothing: "",
    };
    if !audit.findings.is_empty() {
        list.print(output, &session.terminal)?;
    }
    let count = audit.packages;
    let packages = if count == 1 { "1 package".to_owned() } else { format!("{count} packages") };
    say(&format!("{}: {packages}, {}", audit.pipeline, outcome(audit)))?;
    Ok(())
}

fn audits(all: &[PackageAuditView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::elastic("PIPELINE", 12),
            Column::fixed("AUDITED"),
            Column::fixed("PACKAGES"),
            Column::fixed("OUTCOME"),
            Column::elastic("WHAT", 24),
        ],
        wide: &[Column::fixed("BY"), Column::elastic("SOURCE", 16)],
        row: &|one: &PackageAuditView| {
            let counting = one.findings.iter().filter(|finding| finding.ignored.is_none());
            let mut what: Vec<String> = counting
                .map(|finding| format!("{} {}: {}", finding.package, finding.version, finding.id))
                .collect();
            what.extend(one.message.clone());
            vec![
                one.pipeline.clone().into(),
                words::date(one.at).into(),
                one.packages.to_string().into(),
                one.outcome.as_str().into(),
                what.join("; ").into(),
                one.cause.as_str().into(),
                one.source.clone().into(),
            ]
        },
        name: &|one| one.pipeline.clone(),
        nothing: "Nothing was audited.",
    };
    list.print(output, &session.terminal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit(outcome: &str) -> PackageAuditView {
        let value = serde_json::json!({"pipeline": "etl", "number": 1, "at": "2026-11-30T03:00:00Z", "cause": "hand", "asked_by": "you",
            "source": "x", "origin": "files", "outcome": outcome, "packages": 1, "unchecked": 0, "findings": []});
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_exit_code_says_what_was_found_and_what_could_not_be_checked() {
        let [clean, unknown, vulnerable] = ["clean", "unknown", "vulnerable"].map(audit);
        assert_eq!(exit_of(&[]), Exit::Ok);
        assert_eq!(exit_of(std::slice::from_ref(&clean)), Exit::Ok);
        assert_eq!(exit_of(&[clean.clone(), unknown.clone()]), Exit::Unavailable);
        assert_eq!(exit_of(&[unknown, vulnerable, clean]), Exit::Failed);
    }
}
