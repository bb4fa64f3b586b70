//! An error as the terminal shows it: what was not done and why, what it comes from, what to do, and an exit code.

use std::fmt::{self, Write as _};

use reqwest::StatusCode;
use rigi_model::ErrorCode;
use rigi_model::parameters::variable_text;

use super::exit::Exit;
use super::{Colour, Terminal, set_in};
use crate::client::{CallError, FindError, LargeError, Problem, ProblemEntry};
use crate::config::ConfigError;
use crate::trouble::Trouble;

/// One line below the headline.
#[derive(Debug, Clone)]
struct Note {
    /// What it is: `given by`; an empty one is a line by itself.
    label: String,
    text: String,
    /// Belongs to the line above it, one of several.
    inner: bool,
}

/// An error for people.
#[derive(Debug, Clone)]
pub struct Failure {
    /// After `error:`, one line.
    pub headline: String,
    /// Lines below.
    notes: Vec<Note>,
    /// How the command ends.
    pub exit: Exit,
}

impl Failure {
    /// A failure without notes.
    #[must_use]
    pub fn new(exit: Exit, headline: impl Into<String>) -> Self {
        Self { headline: headline.into(), notes: Vec::new(), exit }
    }

    /// Adds a line with a label.
    #[must_use]
    pub fn note(mut self, label: &str, text: impl Into<String>) -> Self {
        self.notes.push(Note { label: label.to_owned(), text: text.into(), inner: false });
        self
    }

    /// Adds a line by itself.
    #[must_use]
    pub fn line(self, text: impl Into<String>) -> Self {
        self.note("", text)
    }

    /// Adds what to do.
    #[must_use]
    pub fn cure(self, text: impl Into<String>) -> Self {
        self.note("cure", text)
    }

    /// Says what was being done: "co2-trend was not started".
    #[must_use]
    pub fn doing(mut self, what: &str) -> Self {
        self.headline = format!("{what}: {}", self.headline);
        self
    }

    /// The text for standard error.
    #[must_use]
    pub fn show(&self, terminal: &Terminal) -> String {
        let mut text =
            format!("{} {}\n", terminal.paint_err(Colour::Red, "error:"), set_in(&self.headline, 2));
        let width = |inner: bool| {
            let labels =
                self.notes.iter().filter(|note| note.inner == inner).map(|note| note.label.chars().count());
            labels.max().unwrap_or(0)
        };
        for Note { label, text: line, inner } in &self.notes {
            let indent = if *inner { "    " } else { "  " };
            let width = width(*inner);
            let line = &set_in(line, indent.len() + if label.is_empty() { 0 } else { width + 2 });
            // Writing to a String cannot fail.
            let _ = match label.as_str() {
                "" => writeln!(text, "{indent}{line}"),
                _ => writeln!(text, "{indent}{label:<width$}  {line}"),
            };
        }
        text
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let Trouble { code, message, cure, server } = trouble;
        let failure = Self::new(Exit::of_error(code), message).cure(cure).note("code", code.to_string());
        match server {
            Some(server) => failure.note("server", server),
            None => failure,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline)
    }
}

impl std::error::Error for Failure {}

/// Where a value of the request came from on the command line: `/parameters/start` gives `-p start=2040`.
pub type GivenBy<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The failure of a call, with what the parts of the request came from.
#[must_use]
pub fn of_call(error: &CallError, given: GivenBy<'_>) -> Failure {
    match error {
        CallError::Refused { status, problem } => of_problem(problem, *status, given, error),
        CallError::Unreachable { .. } => {
            let cure = "start it with `rigi up`, or name another with `--url` or `--data`";
            Failure::new(Exit::Unavailable, error.to_string()).cure(cure)
        }
        CallError::Address { .. } => {
            Failure::new(Exit::BadInput, error.to_string()).cure("write it as `http://127.0.0.1:7444`")
        }
        CallError::Strange { .. } => {
            let cure = "compare the versions of both with `rigi version` and `rigi status`";
            Failure::new(Exit::Unavailable, error.to_string()).cure(cure)
        }
    }
}

fn of_problem(problem: &Problem, status: StatusCode, given: GivenBy<'_>, error: &CallError) -> Failure {
    let code = ErrorCode::parse(&problem.code);
    let exit = code.map_or_else(|| of_status(status), Exit::of_error);
    let several = problem.errors.len() > 1;
    // The detail of several is that of the first, which comes again below.
    let is_first = problem.errors.first().and_then(|entry| entry.message.as_ref()) == Some(&problem.detail);
    let headline = match problem.errors.len() {
        _ if code == Some(ErrorCode::Unauthenticated) => "the server does not know who you are".to_owned(),
        many if several && is_first => format!("{many} mistakes"),
        _ => error.to_string(),
    };
    let mut failure = Failure::new(exit, headline);
    for entry in &problem.errors {
        failure = add_entry(failure, entry, given(&entry.pointer), several);
    }
    // The server's own cure is for browsers: a link.
    if code == Some(ErrorCode::Unauthenticated) {
        failure = failure.cure(
            "sign in with `rigi login`, or give a token with RIGI_TOKEN; the server's own stands in the file `token` of its data folder",
        );
    } else if let Some(cure) = problem.cure.as_deref().filter(|cure| !cure.is_empty()) {
        failure = failure.cure(cure);
    }
    if !problem.code.is_empty() {
        let place = format!("{}   {}", problem.code, problem.kind);
        failure = failure.note("code", place.trim_end());
    }
    if exit == Exit::Internal && !problem.request_id.is_empty() {
        failure = failure.note("request", format!("{} (in the server's log)", problem.request_id));
    }
    failure
}

fn add_entry(mut failure: Failure, entry: &ProblemEntry, given: Option<String>, several: bool) -> Failure {
    let message = entry.message.as_deref().filter(|message| several || !failure.headline.contains(message));
    let rule = entry.rule.as_ref().map(|rule| match &entry.limit {
        Some(limit) => format!("{rule}: {}", variable_text(limit)),
        None => rule.clone(),
    });
    // A mistake of a file, as compilers write it.
    if let (Some(message), Some(source), None, None) = (message, &entry.source, &rule, &given) {
        return failure.line(format!("{source}  {message}"));
    }
    if let Some(message) = message {
        failure = failure.line(message);
    }
    let mut add = |label: &str, text: String| {
        failure.notes.push(Note { label: label.to_owned(), text, inner: message.is_some() });
    };
    if let Some(by) = given {
        add("given by", by);
    }
    match (&entry.source, rule) {
        (Some(source), Some(rule)) => add("rule", format!("{source} ({rule})")),
        (Some(source), None) => add("rule", source.clone()),
        // What the rule says, the message says in words.
        (None, Some(rule)) if message.is_none() && !several => add("rule", rule),
        (None, _) => {}
    }
    failure
}

/// For answers without a code of ours: something in between answered.
fn of_status(status: StatusCode) -> Exit {
    match status.as_u16() {
        401 | 403 => Exit::NotSignedIn,
        404 => Exit::NotFound,
        409 | 412 => Exit::Conflict,
        400..=499 => Exit::BadInput,
        _ => Exit::Unavailable,
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        of_call(&error, &|_| None)
    }
}

impl From<LargeError> for Failure {
    fn from(error: LargeError) -> Self {
        match error {
            LargeError::Call(error) => error.into(),
            LargeError::File(_) => Self::new(Exit::BadInput, error.to_string()),
        }
    }
}

impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        let failure = Self::new(Exit::Unavailable, error.to_string());
        match error {
            FindError::None => failure
                .cure("start one with `rigi up`, or name one with `--url`, `--data`, RIGI_URL or RIGI_DATA"),
            FindError::NoName(_) => failure.cure("`rigi server list` shows those that you have signed in to"),
            FindError::NotOn(data) => {
                let folder = data.parent().filter(|folder| !folder.as_os_str().is_empty());
                let up = match folder {
                    Some(folder) if data.ends_with(".rigi") => format!("rigi up {}", folder.display()),
                    _ => format!("rigi up --data {}", data.display()),
                };
                failure.cure(format!("start it with `{up}`, or name another with `--data` or `--url`"))
            }
            FindError::Several(folders) => {
                let name = |failure: Self, folder: &std::path::PathBuf| {
                    failure.line(format!("--data {}", folder.display()))
                };
                folders.iter().fold(failure, name)
            }
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let many = match error.mistakes.len() {
            1 => "the configuration has a mistake".to_owned(),
            many => format!("the configuration has {many} mistakes"),
        };
        let failure = Self::new(Exit::Config, many);
        error.mistakes.iter().fold(failure, |failure, mistake| failure.note(&mistake.place, &mistake.message))
    }
}

/// The failure in an error of any kind, made of its chain of causes if it is not one of ours.
#[must_use]
pub fn of_any(error: anyhow::Error) -> Failure {
    let error = match error.downcast::<Failure>() {
        Ok(failure) => return failure,
        Err(error) => error,
    };
    let error = match error.downcast::<Trouble>() {
        Ok(trouble) => return trouble.into(),
        Err(error) => error,
    };
    let error = match error.downcast::<CallError>() {
        Ok(call) => return call.into(),
        Err(error) => error,
    };
    let error = match error.downcast::<ConfigError>() {
        Ok(config) => return config.into(),
        Err(error) => error,
    };
    match error.downcast::<FindError>() {
        Ok(find) => find.into(),
        Err(error) => {
            let exit = if is_file_error(&error) { Exit::CannotCreate } else { Exit::Internal };
            Failure::new(exit, format!("{error:#}"))
        }
    }
}

fn is_file_error(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<std::io::Error>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, json: &str) -> CallError {
        let problem = Box::new(serde_json::from_str(json).unwrap());
        CallError::Refused { status: StatusCode::from_u16(status).unwrap(), problem }
    }

    #[test]
    fn a_problem_is_led_back_to_what_was_typed() {
        let error = refused(
            422,
            r#"{"type": "https://rigi.dev/errors#parameter-invalid", "code": "parameter-invalid",
            "title": "A parameter breaks its schema", "detail": "`start` is 2040 and may be at most 2001",
            "errors": [{"pointer": "/parameters/start", "rule": "maximum", "limit": 2001,
            "source": "examples/co2-trend/pipeline.yaml:12:7"}], "cure": "Use a start year of at most 2001."}"#,
        );
        let given = |pointer: &str| (pointer == "/parameters/start").then(|| "-p start=2040".to_owned());
        let failure = of_call(&error, &given).doing("co2-trend was not started");
        assert_eq!(failure.exit, Exit::BadInput);
        insta::assert_snapshot!(failure.show(&Terminal::plain(80)));
    }

    #[test]
    fn several_parts_each_say_what_is_wrong() {
        let error = refused(
            422,
            r#"{"code": "parameter-invalid", "detail": "`a` is a text and must be a number", "errors": [
            {"pointer": "/parameters/a", "rule": "type", "limit": "number", "source": "pipeline.yaml:3:5",
            "message": "`a` is a text and must be a number"},
            {"pointer": "/parameters/b", "rule": "required", "limit": true, "message": "`b` is missing"}]}"#,
        );
        let given = |pointer: &str| (pointer == "/parameters/a").then(|| "-p a=x".to_owned());
        insta::assert_snapshot!(of_call(&error, &given).show(&Terminal::plain(80)));

        let error = refused(
            409,
            r#"{"code": "pipeline-invalid", "detail": "`wrong` has a mistake in its spec", "errors": [
            {"source": "wrong/pipeline.yaml:1:1", "message": "`timout`: there is no such field"}],
            "cure": "Mend the spec; it is read again as soon as it is saved."}"#,
        );
        insta::assert_snapshot!(of_call(&error, &|_| None).show(&Terminal::plain(80)));
    }

    #[test]
    fn an_answer_that_is_no_problem_is_still_an_error() {
        let failure = Failure::from(refused(502, "{}"));
        assert_eq!(
            (failure.exit, failure.headline.as_str()),
            (Exit::Unavailable, "the server answered 502 Bad Gateway")
        );
        assert_eq!(Failure::from(refused(404, "{}")).exit, Exit::NotFound);
        let failure = of_any(anyhow::Error::new(FindError::None));
        assert_eq!(
            (failure.exit, failure.headline.as_str()),
            (Exit::Unavailable, "no Rigi server was found")
        );
    }
}
