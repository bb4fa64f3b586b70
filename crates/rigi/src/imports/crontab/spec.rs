//! Jobs of a crontab as pipelines: the command in a file of its own, the time with its zone, and what cron does by itself said in words.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::parse::{Job, Kind, LARGEST, When, parse};
use crate::imports::report::Report;
use crate::imports::specs::{Names, NewPipeline};

/// The file of a job's command.
const SCRIPT: &str = "job.sh";
/// The file of what a job reads.
const INPUT: &str = "input.txt";
const SUBJECT: &str = "lines";
/// Parts of the names of variables that hold what nobody else may read.
const HIDDEN_WORDS: [&str; 6] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "CREDENTIAL"];

/// What cron takes from the machine that it is on.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Its time zone, as `Europe/Zurich`.
    pub zone: String,
    /// The home folder of whose crontab it is: where jobs start.
    pub home: Option<String>,
}

/// Makes pipelines of a crontab, and tells what does not come.
///
/// # Errors
/// If it is too large to be one.
pub fn convert(
    text: &str,
    kind: Kind,
    machine: &Machine,
    report: &mut Report,
) -> Result<Vec<NewPipeline>, String> {
    if text.len() > LARGEST {
        return Err(format!("it has more than {} KiB, which no crontab has", LARGEST >> 10));
    }
    report.about(SUBJECT);
    let crontab = parse(text, kind);
    for not in &crontab.not_taken {
        report.left_out(SUBJECT, &format!("line {}", not.line), not.why.clone());
    }
    let mut names = Names::default();
    let pipelines: Vec<NewPipeline> =
        crontab.jobs.iter().map(|job| pipeline(job, machine, &mut names, report)).collect();
    report.came(SUBJECT, pipelines.len() as u64);
    Ok(pipelines)
}

/// What a job is called: the program that it runs, without its folder and ending.
fn title(command: &str) -> &str {
    let is_program = |word: &&str| {
        !word.contains('=')
            && !["cd", "env", "sudo", "nice", "flock", "timeout", "test", "["].contains(word)
            && !word.starts_with(['-', '(', '&', '|', '>', '<'])
    };
    // Behind `cd somewhere &&` comes what it is about.
    let command = match command.trim_start().strip_prefix("cd ") {
        Some(rest) => rest.split_once("&&").map_or(rest, |(_, after)| after),
        None => command,
    };
    let mut words = command.split_whitespace().filter(is_program);
    let first = words.next().unwrap_or("job");
    let base = |word: &'_ str| -> usize { word.rfind('/').map_or(0, |at| at + 1) };
    let program = &first[base(first)..];
    let shells = ["sh", "bash", "zsh", "python", "python3", "perl", "ruby", "php", "node"];
    let named = if shells.contains(&program) {
        words.next().map_or(program, |word| &word[base(word)..])
    } else {
        program
    };
    named.rsplit_once('.').map_or(named, |(name, _)| if name.is_empty() { named } else { name })
}

fn pipeline(job: &Job, machine: &Machine, names: &mut Names, report: &mut Report) -> NewPipeline {
    let from = format!("line {}", job.line);
    let variable =
        |name: &str| job.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let mut spec = Map::new();
    spec.insert(
        "description".to_owned(),
        format!("{} of a crontab: {}", from, rigi_model::text::plain_line(&job.command, 120)).into(),
    );
    let shell = variable("SHELL").filter(|shell| !shell.is_empty()).unwrap_or("/bin/sh");
    spec.insert("command".to_owned(), json!([shell, SCRIPT]));
    match &job.when {
        When::Cron(cron) => {
            let mut schedule = Map::new();
            schedule.insert("cron".to_owned(), cron.clone().into());
            let zone = variable("CRON_TZ").filter(|zone| !zone.is_empty()).unwrap_or(&machine.zone);
            if zone != "UTC" {
                schedule.insert("timezone".to_owned(), zone.into());
            }
            // As cron does: what was missed is missed, and one that takes long does not keep the next from starting.
            schedule.insert("catch_up".to_owned(), "skip".into());
            schedule.insert("overlap".to_owned(), "allow".into());
            spec.insert("schedule".to_owned(), Value::Object(schedule));
        }
        When::Reboot => {
            spec.insert("restart".to_owned(), json!({"at_start": true}));
            report.differs(
                SUBJECT,
                &from,
                "`@reboot` starts it with the server, which may start more often than the machine",
            );
        }
    }
    tell(job, &from, report);
    let env = variables(job, &from, report);
    if !env.is_empty() {
        spec.insert("env".to_owned(), Value::Object(env));
    }
    let home = variable("HOME")
        .map(str::to_owned)
        .or_else(|| machine.home.clone().filter(|_| job.account.is_none()));
    let mut files = vec![(SCRIPT.to_owned(), script(job, home.as_deref()))];
    files.extend(job.input.clone().map(|input| (INPUT.to_owned(), input)));
    NewPipeline {
        name: names.make(title(&job.command)),
        comments: vec![format!("From {from} of a crontab: {} {}", job.time, job.command)],
        from,
        spec: Value::Object(spec),
        files,
    }
}

/// What cron does around a job and Rigi otherwise.
fn tell(job: &Job, from: &str, report: &mut Report) {
    let variable =
        |name: &str| job.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    if let Some(to) = variable("MAILTO").filter(|to| !to.is_empty()) {
        report.differs(
            SUBJECT,
            from,
            format!("what it writes is no mail to {to}, but in the log of its run"),
        );
    }
    if let Some(account) = &job.account {
        report.differs(
            SUBJECT,
            from,
            format!(
                "it ran as `{account}`, and runs as the server does here (`process.run_as` says as whom)"
            ),
        );
    }
    if job.variables.iter().any(|(name, _)| name == "CONTENT_TYPE" || name == "MAILFROM") {
        report.differs(SUBJECT, from, "how its mail looks has no counterpart");
    }
}

/// Variables that its runs get.
fn variables(job: &Job, from: &str, report: &mut Report) -> Map<String, Value> {
    const CRONS: [&str; 6] = ["SHELL", "MAILTO", "MAILFROM", "CONTENT_TYPE", "CRON_TZ", "RANDOM_DELAY"];
    let mut env = Map::new();
    for (name, value) in job.variables.iter().filter(|(name, _)| !CRONS.contains(&name.as_str())) {
        if name.starts_with("RIGI_") {
            report.differs(
                SUBJECT,
                from,
                format!("`{name}` is left out: names that begin with `RIGI_` are Rigi's own"),
            );
            continue;
        }
        if HIDDEN_WORDS.iter().any(|word| name.to_ascii_uppercase().contains(word)) {
            let why = format!(
                "`{name}` stands in its spec in clear, as in the crontab: `rigi secrets set {name}` and `secrets: [{name}]` keep it"
            );
            report.differs(SUBJECT, from, why);
        }
        env.insert(name.clone(), value.clone().into());
    }
    env
}

/// The file of its command. Cron starts in the home folder.
fn script(job: &Job, home: Option<&str>) -> String {
    let mut text = String::new();
    if job.input.is_some() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "exec < {INPUT}");
    }
    if let Some(home) = home.filter(|home| !home.is_empty()) {
        let _ = writeln!(text, "cd {} || exit 1", quoted(home));
    }
    text.push_str(&job.command);
    text.push('\n');
    text
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(text: &str, kind: Kind) -> (Vec<NewPipeline>, Report) {
        let machine = Machine { zone: "Europe/Zurich".into(), home: Some("/home/ada's".into()) };
        let mut report = Report::default();
        (convert(text, kind, &machine, &mut report).unwrap(), report)
    }

    #[test]
    fn a_job_is_a_pipeline_that_runs() {
        let text = "MAILTO=ada@example.org\nSHELL=/bin/bash\nCRON_TZ=Asia/Tokyo\nROWS=5: x\n30 2 * * 1-5 cd /srv && ./backup.sh --all%in put%two\n@reboot python3 /opt/watch.py\n";
        let (pipelines, report) = converted(text, Kind::Own);
        for pipeline in &pipelines {
            let text = pipeline.checked().unwrap_or_else(|why| panic!("{}: {why}", pipeline.name));
            assert!(text.starts_with("# From line "), "{text}");
        }
        let backup = &pipelines[0];
        assert_eq!(backup.name, "backup");
        let schedule =
            json!({"cron": "30 2 * * 1-5", "timezone": "Asia/Tokyo", "catch_up": "skip", "overlap": "allow"});
        assert_eq!(backup.spec["schedule"], schedule);
        assert_eq!(backup.spec["command"], json!(["/bin/bash", "job.sh"]));
        assert_eq!(backup.spec["env"], json!({"ROWS": "5: x"}));
        let script = "exec < input.txt\ncd '/home/ada'\\''s' || exit 1\ncd /srv && ./backup.sh --all\n";
        assert_eq!(
            backup.files,
            [("job.sh".to_owned(), script.to_owned()), ("input.txt".to_owned(), "in put\ntwo\n".to_owned())]
        );
        assert_eq!(
            (&*pipelines[1].name, &pipelines[1].spec["restart"]),
            ("watch", &json!({"at_start": true}))
        );
        let said: Vec<&str> = report.notes.iter().map(|note| &*note.why).collect();
        assert!(said.iter().any(|why| why.contains("no mail to ada@example.org")), "{said:?}");
        assert!(said.iter().any(|why| why.contains("@reboot")));
    }

    #[test]
    fn the_zone_is_the_machines_unless_the_crontab_says_so() {
        let (pipelines, _) = converted(
            "0 0 * * * a\nCRON_TZ=UTC\n0 0 * * * b\nCRON_TZ=Nowhere/Land\n0 0 * * * c\n",
            Kind::Own,
        );
        assert_eq!(pipelines[0].spec["schedule"]["timezone"], "Europe/Zurich");
        assert!(pipelines[1].spec["schedule"].get("timezone").is_none());
        assert!(pipelines[2].checked().is_err());
    }

    #[test]
    fn secrets_and_accounts_are_told() {
        let (pipelines, report) =
            converted("DB_PASSWORD=x\nRIGI_X=1\n0 0 * * * postgres vacuum", Kind::System);
        let said = report.notes.iter().map(|note| note.why.clone()).collect::<Vec<_>>().join("\n");
        assert!(
            said.contains("DB_PASSWORD") && said.contains("RIGI_X") && said.contains("`postgres`"),
            "{said}"
        );
        assert_eq!(pipelines[0].files[0].1, "vacuum\n");
        assert!(pipelines[0].checked().is_ok());
    }

    #[test]
    fn a_job_is_called_as_its_program() {
        for (command, expected) in [
            ("/usr/local/bin/backup.sh --all", "backup"),
            ("cd /srv/app && bin/rails jobs:run", "rails"),
            ("A=1 python3 -u /opt/x/report.py", "report"),
            ("[ -x /usr/bin/certbot ] && certbot renew", "/usr/bin/certbot"),
            ("bash", "bash"),
            ("", "job"),
            (".hidden", ".hidden"),
        ] {
            let found = title(command);
            assert!(found == expected || expected.ends_with(found), "{command}: {found}");
        }
    }

    #[test]
    fn what_is_no_crontab_is_refused_and_hostile_lines_make_specs_or_are_told() {
        let machine = Machine { zone: "UTC".into(), home: None };
        assert!(convert(&"x".repeat(LARGEST + 1), Kind::Own, &machine, &mut Report::default()).is_err());
        let hostile = "0 0 * * * `rm -rf /`; $(x) \u{202e}\u{7}\n* * * * * : {}[]&*#?|-<>=!%@\\\n0 0 31 2 * never\n60 25 * * * x\n";
        let (pipelines, _) = converted(hostile, Kind::Own);
        for pipeline in pipelines {
            // Either it runs as it stands, or why not is said; nothing of it is run here.
            let _ = pipeline.checked();
            assert!(pipeline.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        }
    }
}
