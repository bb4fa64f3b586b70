//! Reads a crontab as cron does (crontab(5) of Vixie cron and cronie): variables, times, commands. Nothing in it is run.

/// Bytes of a crontab at most.
pub const LARGEST: usize = 1 << 20;
/// Jobs of it at most.
const MOST_JOBS: usize = 2000;
/// Bytes of one line at most; cron takes 1000.
const LONGEST_LINE: usize = 16 << 10;

/// Whose crontab it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One person's: `crontab -l`.
    Own,
    /// The machine's, as `/etc/crontab`: the account stands before the command.
    System,
}

/// When a job is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum When {
    /// Five fields, in Rigi's words.
    Cron(String),
    /// When the machine starts.
    Reboot,
}

/// A line that runs something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    /// Counts from 1.
    pub line: usize,
    pub when: When,
    /// As it stands there.
    pub time: String,
    pub account: Option<String>,
    pub command: String,
    /// What it reads: all behind its first `%`.
    pub input: Option<String>,
    /// Variables that stand above it.
    pub variables: Vec<(String, String)>,
}

/// A line that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotTaken {
    pub line: usize,
    pub why: String,
}

/// What a crontab holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Crontab {
    pub jobs: Vec<Job>,
    pub not_taken: Vec<NotTaken>,
}

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Reads all of it.
pub(super) fn parse(text: &str, kind: Kind) -> Crontab {
    let mut crontab = Crontab::default();
    let mut variables: Vec<(String, String)> = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim_start_matches([' ', '\t']);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let number = index + 1;
        let parsed = if line.len() > LONGEST_LINE || line.contains('\0') {
            Err("it is too long, or holds a NUL character".to_owned())
        } else if let Some((name, value)) = variable(line) {
            variables.retain(|(known, _)| *known != name);
            variables.push((name, value));
            continue;
        } else if crontab.jobs.len() == MOST_JOBS {
            Err(format!("there are more than {MOST_JOBS} jobs"))
        } else {
            job(line, number, kind, &variables)
        };
        match parsed {
            Ok(job) => crontab.jobs.push(job),
            Err(why) => crontab.not_taken.push(NotTaken { line: number, why }),
        }
    }
    crontab
}

/// `NAME = value`, either of them in quotation marks or not.
fn variable(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let unquoted = |text: &str| {
        let inner = ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
        inner.unwrap_or(text).to_owned()
    };
    let name = unquoted(name.trim());
    let plain = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then(|| (name, unquoted(value.trim())))
}

/// The first word, and what comes after the space behind it.
fn word(text: &str) -> (&str, &str) {
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start_matches([' ', '\t']))
}

fn job(line: &str, number: usize, kind: Kind, variables: &[(String, String)]) -> Result<Job, String> {
    // With a `-` before it, SUSE's cron does not log that it runs.
    let line = line.strip_prefix('-').unwrap_or(line);
    let (when, time, rest) = if line.starts_with('@') {
        let (name, rest) = word(line);
        let lower = name.to_ascii_lowercase();
        let known = NICKNAMES.iter().find(|(nickname, _)| *nickname == lower);
        let when = match known {
            Some((_, fields)) => When::Cron((*fields).to_owned()),
            None if lower == "@reboot" => When::Reboot,
            None => return Err(format!("`{name}` is no time that cron knows")),
        };
        (when, name.to_owned(), rest)
    } else {
        let mut fields = Vec::with_capacity(5);
        let mut rest = line;
        for _ in 0..5 {
            let (field, after) = word(rest);
            fields.push(field);
            rest = after;
        }
        let cron = times(&fields)?;
        (When::Cron(cron), fields.join(" "), rest)
    };
    let (account, rest) = match kind {
        Kind::Own => (None, rest),
        Kind::System => {
            let (account, rest) = word(rest);
            (Some(account.to_owned()), rest)
        }
    };
    let (command, input) = command(rest);
    if command.trim().is_empty() {
        return Err("it has no command".to_owned());
    }
    Ok(Job { line: number, when, time, account, command, input, variables: variables.to_vec() })
}

/// Five fields in Rigi's words. Cron takes a day of month and a day of week for either, unless one of them begins with `*`: then both.
fn times(fields: &[&str]) -> Result<String, String> {
    let [minute, hour, day, month, weekday] = fields else {
        return Err("it has fewer than five fields".to_owned());
    };
    for field in fields {
        if field.is_empty() {
            return Err("it has fewer than five fields".to_owned());
        }
        if field.contains('~') {
            return Err(format!(
                "`{field}` is a moment drawn at random: write it as a time, with `jitter` in the spec"
            ));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | ',' | '-' | '/' | '#' | '?');
        if !field.chars().all(plain) {
            return Err(format!("`{}` is no time", rigi_model::text::excerpt(field)));
        }
    }
    let both = *day != "*" && *weekday != "*" && (day.starts_with('*') || weekday.starts_with('*'));
    let plus = if both { "+" } else { "" };
    Ok(format!("{minute} {hour} {day} {month} {plus}{weekday}"))
}

/// A `%` ends the command, and each further one a line of what it reads; with a `\` before it, it is one.
fn command(text: &str) -> (String, Option<String>) {
    let (mut command, mut input): (String, Option<String>) = (String::new(), None);
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        let out = input.as_mut().unwrap_or(&mut command);
        match c {
            '\\' if letters.peek() == Some(&'%') => {
                letters.next();
                out.push('%');
            }
            '%' => match &mut input {
                Some(input) => input.push('\n'),
                None => input = Some(String::new()),
            },
            c => out.push(c),
        }
    }
    if let Some(input) = &mut input
        && !input.ends_with('\n')
    {
        input.push('\n');
    }
    (command.trim_end().to_owned(), input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Job {
        let mut crontab = parse(text, Kind::Own);
        assert!(crontab.not_taken.is_empty(), "{text}: {crontab:?}");
        crontab.jobs.remove(0)
    }

    fn why(text: &str) -> String {
        let crontab = parse(text, Kind::Own);
        assert!(crontab.jobs.is_empty(), "{text}: {crontab:?}");
        crontab.not_taken[0].why.clone()
    }

    #[test]
    fn a_line_is_a_time_and_a_command() {
        let job = one("\t5 4\t* * mon-fri   /usr/bin/backup  --all  # not a comment\n");
        assert_eq!(job.when, When::Cron("5 4 * * mon-fri".into()));
        assert_eq!(job.command, "/usr/bin/backup  --all  # not a comment");
        assert_eq!((job.line, &*job.time), (1, "5 4 * * mon-fri"));
        assert_eq!(one("@Midnight x").when, When::Cron("0 0 * * *".into()));
        assert_eq!(one("@reboot x").when, When::Reboot);
        assert_eq!(one("-*/5 * * * * x").command, "x");
    }

    #[test]
    fn two_days_mean_either_unless_one_begins_with_a_star() {
        let when = |text: &str| match one(text).when {
            When::Cron(cron) => cron,
            When::Reboot => panic!("{text}"),
        };
        assert_eq!(when("0 0 13 * 5 x"), "0 0 13 * 5");
        assert_eq!(when("0 0 */2 * 5 x"), "0 0 */2 * +5");
        assert_eq!(when("0 0 1 * */2 x"), "0 0 1 * +*/2");
        assert_eq!(when("0 0 * * 5 x"), "0 0 * * 5");
    }

    #[test]
    fn percent_signs_are_input() {
        let job = one(r"0 0 * * * mail -s 100\% ada%Hello,%all is well\%.");
        assert_eq!(job.command, "mail -s 100% ada");
        assert_eq!(job.input.as_deref(), Some("Hello,\nall is well%.\n"));
        assert_eq!(one(r"0 0 * * * date +\%F").command, "date +%F");
        assert_eq!(one("0 0 * * * cat%").input.as_deref(), Some("\n"));
        assert_eq!(one("0 0 * * * cat%a%").input.as_deref(), Some("a\n"));
    }

    #[test]
    fn variables_hold_for_what_is_below_them() {
        let text = "A=1\n 'B' = \" two words \"\n0 0 * * * x\nA = it's\n0 0 * * * y=z z\n";
        let jobs = parse(text, Kind::Own).jobs;
        assert_eq!(jobs[0].variables, [("A".into(), "1".into()), ("B".into(), " two words ".into())]);
        assert_eq!(jobs[1].variables, [("B".into(), " two words ".into()), ("A".into(), "it's".into())]);
        assert_eq!(jobs[1].command, "y=z z");
    }

    #[test]
    fn the_machines_crontab_names_an_account() {
        let jobs = parse("17 * * * * root cd / && run-parts /etc/cron.hourly", Kind::System).jobs;
        assert_eq!(
            (jobs[0].account.as_deref(), &*jobs[0].command),
            (Some("root"), "cd / && run-parts /etc/cron.hourly")
        );
        assert_eq!(parse("@reboot root", Kind::System).not_taken[0].why, "it has no command");
    }

    #[test]
    fn what_is_no_job_is_told_and_nothing_panics() {
        assert!(why("0 0 * * *").contains("no command"));
        assert!(why("0 0 *").contains("five fields"));
        assert!(why("@every 5m x").contains("@every"));
        assert!(why("0~59 * * * * x").contains("random"));
        assert!(why("0 0 * * mön x").contains("no time"));
        assert!(why("0 0 * * * a\0b").contains("NUL"));
        assert!(why(&format!("0 0 * * * {}", "x".repeat(LONGEST_LINE))).contains("too long"));
        let many = "0 0 * * * x\n".repeat(MOST_JOBS + 2);
        assert_eq!(parse(&many, Kind::Own).not_taken.len(), 2);
        for hostile in
            ["%", "\\", "=", "= =", "@", "-", "\u{202e}", "* * * * * %%%\\", "''=''", "\"=x", "é é é é é é"]
        {
            for kind in [Kind::Own, Kind::System] {
                parse(hostile, kind);
            }
        }
        assert_eq!(parse("# only\n\n  # comments\n", Kind::Own), Crontab::default());
    }
}
