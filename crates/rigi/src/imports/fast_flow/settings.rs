//! Settings of Fast-Flow: those of its page, then its variables, as a piece of `rigi.toml`; and what has no counterpart.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rigi_model::ErrorCode;

use super::values::truth;
use super::{Moving, Run};
use crate::trouble::Trouble;
use crate::wiring::data_folder::write_private;

const SUBJECT: &str = "settings";
/// Where in the data folder what was sealed in settings is put, for its owner alone.
pub(super) const FOLDER: &str = "imports";

/// What a setting of the page is called among the variables.
const NAMES: [(&str, &str); 24] = [
    ("log_retention_runs", "LOG_RETENTION_RUNS"),
    ("log_retention_days", "LOG_RETENTION_DAYS"),
    ("log_max_size_mb", "LOG_MAX_SIZE_MB"),
    ("max_concurrent_runs", "MAX_CONCURRENT_RUNS"),
    ("container_timeout", "CONTAINER_TIMEOUT"),
    ("retry_attempts", "RETRY_ATTEMPTS"),
    ("auto_sync_enabled", "AUTO_SYNC_ENABLED"),
    ("auto_sync_interval", "AUTO_SYNC_INTERVAL"),
    ("git_sync_repo_url", "GIT_REPO_URL"),
    ("git_sync_branch", "GIT_BRANCH"),
    ("pipelines_subdir", "PIPELINES_SUBDIR"),
    ("email_enabled", "EMAIL_ENABLED"),
    ("smtp_host", "SMTP_HOST"),
    ("smtp_port", "SMTP_PORT"),
    ("smtp_user", "SMTP_USER"),
    ("smtp_from", "SMTP_FROM"),
    ("email_recipients", "EMAIL_RECIPIENTS"),
    ("teams_enabled", "TEAMS_ENABLED"),
    ("teams_webhook_url", "TEAMS_WEBHOOK_URL"),
    ("notification_api_enabled", "NOTIFICATION_API_ENABLED"),
    ("s3_backup_enabled", "S3_BACKUP_ENABLED"),
    ("s3_endpoint_url", "S3_ENDPOINT_URL"),
    ("s3_bucket", "S3_BUCKET"),
    ("s3_prefix", "S3_PREFIX"),
];

/// What is sealed in the settings, what it is, and what its file is called.
const SEALED: [(&str, &str, &str, &str); 5] = [
    (
        "smtp_password_encrypted",
        "SMTP_PASSWORD",
        "smtp-password",
        "the mail server's password: give it by `RIGI_MAIL__PASSWORD_FILE`",
    ),
    ("git_sync_token_encrypted", "GIT_SYNC_TOKEN", "git-token", "the token of the repository of pipelines"),
    (
        "git_sync_deploy_key_encrypted",
        "GIT_SYNC_DEPLOY_KEY",
        "git-deploy-key",
        "the deploy key of the repository of pipelines",
    ),
    ("s3_access_key_encrypted", "S3_ACCESS_KEY", "s3-access-key", "the access key of the bucket of old logs"),
    (
        "s3_secret_access_key_encrypted",
        "S3_SECRET_ACCESS_KEY",
        "s3-secret-access-key",
        "the secret key of the bucket of old logs",
    ),
];

/// Settings by the names that the page's table has; those of the page count more than variables.
type Settings = BTreeMap<String, String>;

/// A text of TOML.
fn text(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

/// The lines of a section, if it has any.
fn section(out: &mut String, name: &str, lines: &[Option<String>]) {
    let lines: Vec<&String> = lines.iter().flatten().collect();
    if !lines.is_empty() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "[{name}]");
        lines.iter().for_each(|line| _ = writeln!(out, "{line}"));
        out.push('\n');
    }
}

/// A piece of `rigi.toml` that says the same.
fn piece(settings: &Settings, variables: &BTreeMap<String, String>) -> String {
    let number = |name: &str| settings.get(name)?.trim().parse::<u64>().ok();
    let set = |name: &str, key: &str, shown: &dyn Fn(u64) -> String| {
        number(name).map(|value| format!("{key} = {}", shown(value)))
    };
    let plain = |value: u64| value.to_string();
    let mut out = String::new();
    let limits = [
        set("max_concurrent_runs", "runs", &plain),
        set("container_timeout", "timeout", &|seconds| {
            if seconds == 0 { text("none") } else { text(&format!("{seconds}s")) }
        }),
        set("log_max_size_mb", "log_size", &|size| text(&format!("{size}MiB"))),
    ];
    section(&mut out, "limits", &limits);
    section(&mut out, "retry", &[set("retry_attempts", "attempts", &plain)]);
    let kept = |name: &str, key: &str, unit: &str| match number(name).filter(|value| *value > 0) {
        Some(value) if unit.is_empty() => format!("{key} = {value}"),
        Some(value) => format!("{key} = {}", text(&format!("{value}{unit}"))),
        None => format!("{key} = {}", text("none")),
    };
    // Fast-Flow keeps all where nothing is said, and Rigi does not.
    let retention =
        [Some(kept("log_retention_runs", "runs", "")), Some(kept("log_retention_days", "age", "d"))];
    section(&mut out, "retention", &retention);
    let variable = |name: &str| variables.get(name);
    let python =
        variable("DEFAULT_PYTHON_VERSION").map(|version| format!("default_version = {}", text(version)));
    section(&mut out, "python", &[python]);
    let audit = settings.get("dependency_audit_cron").map(|cron| {
        // Days of the week count otherwise there; without them, the text means the same.
        let same = cron.split_whitespace().count() == 5 && cron.trim_end().ends_with('*');
        let schedule = same.then(|| format!("schedule = {}", text(cron.trim())));
        [Some(format!("source = {}", text("pip-audit"))), schedule]
    });
    section(&mut out, "audit", &audit.unwrap_or_default());
    mail(&mut out, settings);
    targets(&mut out, variables);
    people(&mut out, variables);
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn mail(out: &mut String, settings: &Settings) {
    if !settings.get("email_enabled").is_some_and(|on| truth(on)) || !settings.contains_key("smtp_host") {
        return;
    }
    let port = settings.get("smtp_port").and_then(|port| port.trim().parse::<u16>().ok()).unwrap_or(587);
    let line = |name: &str, key: &str| settings.get(name).map(|value| format!("{key} = {}", text(value)));
    let lines = [
        line("smtp_host", "host"),
        Some(format!("port = {port}")),
        // Fast-Flow speaks TLS from the first byte on at 465, and else begins in clear.
        Some(format!("tls = {}", text(if port == 465 { "tls" } else { "starttls" }))),
        // Without its password it would be a mistake.
        line("smtp_user", "user")
            .map(|line| format!("# {line}  # once RIGI_MAIL__PASSWORD_FILE names the file of its password")),
        line("smtp_from", "from"),
    ];
    section(out, "mail", &lines);
}

fn targets(out: &mut String, variables: &BTreeMap<String, String>) {
    match variables.get("PIPELINE_EXECUTOR").map(String::as_str) {
        Some("kubernetes") => {
            section(out, "targets", &[Some("default = \"kubernetes\"".to_owned())]);
            let namespace = variables.get("KUBERNETES_NAMESPACE");
            let namespace = namespace.map(|name| format!("namespace = {}", text(name)));
            section(out, "targets.kubernetes", &[Some("kind = \"kubernetes\"".to_owned()), namespace]);
        }
        Some("docker") => {
            section(out, "targets", &[Some("default = \"container\"".to_owned())]);
            let image =
                variables.get("WORKER_BASE_IMAGE").filter(|image| !image.starts_with("fastflow-worker"));
            let image = image.map(|image| format!("image = {}", text(image)));
            section(out, "targets.container", &[Some("kind = \"container\"".to_owned()), image]);
        }
        _ => {}
    }
}

fn people(out: &mut String, variables: &BTreeMap<String, String>) {
    let first = variables.get("INITIAL_ADMIN_EMAIL").map(|mail| format!("first_admin = {}", text(mail)));
    section(out, "people", &[Some("enabled = true".to_owned()), first]);
    if let Some(url) = variables.get("FRONTEND_URL").or_else(|| variables.get("BASE_URL")) {
        section(out, "server", &[Some(format!("public_url = {}", text(url.trim_end_matches('/'))))]);
    }
    for (provider, prefix) in
        [("github", "GITHUB"), ("google", "GOOGLE"), ("microsoft", "MICROSOFT"), ("custom", "CUSTOM_OAUTH")]
    {
        let Some(client) = variables.get(&format!("{prefix}_CLIENT_ID")) else { continue };
        let tenant = variables.get("MICROSOFT_TENANT_ID").filter(|tenant| *tenant != "common");
        let issuer = match provider {
            "microsoft" => {
                let tenant = tenant.map_or("TENANT", String::as_str);
                Some(format!("https://login.microsoftonline.com/{tenant}/v2.0"))
            }
            "custom" => Some("https://ISSUER".to_owned()),
            _ => None,
        };
        let is_known = provider != "custom" && (provider != "microsoft" || tenant.is_some());
        let label = variables.get("CUSTOM_OAUTH_NAME").filter(|_| provider == "custom");
        let lines = [
            Some(format!("client_id = {}", text(client))),
            Some(format!("# its secret: RIGI_PROVIDERS__{}__CLIENT_SECRET_FILE", provider.to_uppercase())),
            issuer.map(|issuer| format!("issuer = {}", text(&issuer))),
            label.map(|label| format!("label = {}", text(label))),
        ];
        let mut own = String::new();
        section(&mut own, &format!("providers.{provider}"), &lines);
        if is_known {
            out.push_str(&own);
        } else {
            // Whoever knows the rest takes the marks away.
            own.trim_end().lines().for_each(|line| _ = writeln!(out, "# {line}"));
            out.push('\n');
        }
    }
}

/// What has no counterpart, with what to do.
fn without_counterpart(settings: &Settings) -> Vec<(&'static str, String)> {
    let on = |name: &str| settings.get(name).is_some_and(|on| truth(on));
    let value = |name: &str| settings.get(name).map_or("", String::as_str);
    let mut all = Vec::new();
    if settings.contains_key("git_sync_repo_url") {
        let every = if on("auto_sync_enabled") {
            format!(", each {} s", value("auto_sync_interval"))
        } else {
            String::new()
        };
        let why = format!(
            "Fast-Flow fetches {}{every}: `rigi repositories add` takes the same repository, and `rigi sync` brings its pipelines",
            value("git_sync_repo_url")
        );
        all.push(("git sync", why));
    }
    if on("email_enabled") && settings.contains_key("email_recipients") {
        let why = format!(
            "mails of failed runs went to {to}: `rigi channels set mails --kind mail {to}`, then \
             `rigi notices rule failures --on failed --channel mails`",
            to = value("email_recipients")
        );
        all.push(("e-mail recipients", why));
    }
    if on("teams_enabled") {
        all.push((
            "Teams",
            "`rigi channels set teams --kind teams ADDRESS` takes the address of a workflow's webhook, and a rule tells it: \
             `rigi notices rule failures --on failed --channel teams`"
                .to_owned(),
        ));
    }
    if on("notification_api_enabled") {
        let why = "`/api/notifications/send` takes what it took; its keys are stored as hashes and do not come: `rigi notices key NAME` \
                   makes one";
        all.push(("notification API", why.to_owned()));
    }
    if on("s3_backup_enabled") {
        let why = format!(
            "old logs stay in the bucket {}: here all files may lie in one (`storage.url`), and `rigi backup` takes all",
            value("s3_bucket")
        );
        all.push(("S3 backup of logs", why));
    }
    all
}

impl Moving<'_> {
    async fn settings(&mut self) -> Result<Settings, Trouble> {
        let page = self.rows("orchestrator_settings").await?.into_iter().next().unwrap_or_default();
        let mut settings = Settings::new();
        for (name, variable) in NAMES {
            let variable = self.variables.get(variable).map(String::as_str);
            // The address of the repository is the variable's first, there.
            let first = if name.starts_with("git_sync") || name == "pipelines_subdir" {
                variable.or(page.get(name))
            } else {
                page.get(name).or(variable)
            };
            if let Some(value) = first.filter(|value| !value.trim().is_empty()) {
                settings.insert(name.to_owned(), value.to_owned());
            }
        }
        let system = self.rows("system_settings").await?.into_iter().next().unwrap_or_default();
        if system.get("dependency_audit_enabled").is_some_and(truth) {
            let cron = system.get("dependency_audit_cron").unwrap_or("0 3 * * *");
            settings.insert("dependency_audit_cron".to_owned(), cron.to_owned());
        }
        Ok(settings)
    }

    pub(super) async fn bring_settings(&mut self) -> Result<(), Trouble> {
        self.report.about(SUBJECT);
        let settings = self.settings().await?;
        self.report.settings = Some(piece(&settings, &self.variables));
        for (name, why) in without_counterpart(&settings) {
            self.report.left_out(SUBJECT, name, why);
        }
        let page = self.rows("orchestrator_settings").await?.into_iter().next().unwrap_or_default();
        for (column, variable, file, what) in SEALED {
            let value = match page.get(column) {
                Some(token) => match self.opened(token) {
                    Some(value) => value,
                    None => {
                        self.report.left_out(
                            SUBJECT,
                            file,
                            format!("{what}: it does not open with this key"),
                        );
                        continue;
                    }
                },
                None => match self.variables.get(variable) {
                    Some(value) => value.clone(),
                    None => continue,
                },
            };
            self.put_sealed(file, what, &value)?;
        }
        Ok(())
    }

    /// What was sealed in settings is for the operator alone: a file that only its owner may read.
    fn put_sealed(&mut self, file: &str, what: &str, value: &str) -> Result<(), Trouble> {
        let folder = self.loaded.data_folder().join(FOLDER);
        let path = folder.join(file);
        if std::fs::read_to_string(&path).is_ok_and(|there| there == value) {
            self.report.here(SUBJECT, 1);
            return Ok(());
        }
        self.report.came(SUBJECT, 1);
        self.report.ask(SUBJECT, file, format!("{what}; it is in {}", path.display()));
        if self.options.run == Run::Dry {
            return Ok(());
        }
        let written = std::fs::create_dir_all(&folder).and_then(|()| write_private(&path, value.as_bytes()));
        written.map_err(|error| {
            let what = format!("{} cannot be written: {error}", path.display());
            Trouble::new(
                ErrorCode::StorageUnavailable,
                what,
                "check the rights and the disk of the data folder",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_piece_says_what_the_settings_said_and_is_toml() {
        let settings = map(&[
            ("max_concurrent_runs", "6"),
            ("container_timeout", "3600"),
            ("log_max_size_mb", "20"),
            ("retry_attempts", "1"),
            ("log_retention_days", "400"),
            ("dependency_audit_cron", "30 2 * * *"),
            ("email_enabled", "1"),
            ("smtp_host", "mail.example.org"),
            ("smtp_port", "465"),
            ("smtp_user", "cider"),
            ("smtp_from", "Cider \"house\" <cider@example.org>"),
        ]);
        let variables = map(&[
            ("DEFAULT_PYTHON_VERSION", "3.11"),
            ("PIPELINE_EXECUTOR", "kubernetes"),
            ("KUBERNETES_NAMESPACE", "flows"),
            ("GITHUB_CLIENT_ID", "gh"),
            ("CUSTOM_OAUTH_CLIENT_ID", "cu"),
            ("BASE_URL", "https://flow.example.org/"),
        ]);
        let read: toml::Table = piece(&settings, &variables).parse().unwrap();
        assert_eq!(read["limits"]["runs"].as_integer(), Some(6));
        assert_eq!(read["limits"]["timeout"].as_str(), Some("3600s"));
        assert_eq!(read["retention"]["runs"].as_str(), Some("none"));
        assert_eq!(read["retention"]["age"].as_str(), Some("400d"));
        assert_eq!(read["audit"]["source"].as_str(), Some("pip-audit"));
        assert_eq!(read["audit"]["schedule"].as_str(), Some("30 2 * * *"));
        assert_eq!(read["mail"]["tls"].as_str(), Some("tls"));
        assert_eq!(read["mail"]["from"].as_str(), Some("Cider \"house\" <cider@example.org>"));
        assert_eq!(read["targets"]["kubernetes"]["namespace"].as_str(), Some("flows"));
        assert_eq!(read["providers"]["github"]["client_id"].as_str(), Some("gh"));
        assert_eq!(read["server"]["public_url"].as_str(), Some("https://flow.example.org"));
        assert!(read["mail"].get("user").is_none() && read["providers"].get("custom").is_none());
        let nothing: toml::Table = piece(&Settings::new(), &BTreeMap::new()).parse().unwrap();
        assert_eq!(nothing.keys().collect::<Vec<_>>(), ["retention", "people"]);
    }

    #[test]
    fn what_has_no_counterpart_is_named() {
        let all = map(&[
            ("git_sync_repo_url", "https://git.example.org/x.git"),
            ("email_enabled", "true"),
            ("email_recipients", "ada@example.org"),
            ("teams_enabled", "1"),
            ("notification_api_enabled", "1"),
            ("s3_backup_enabled", "1"),
        ]);
        assert_eq!(without_counterpart(&all).len(), 5);
        assert!(without_counterpart(&Settings::new()).is_empty());
    }
}
