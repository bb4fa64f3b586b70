//! `rigi log-level`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use reqwest::Method;
use rigi_api::view::LogLevelView;
use rigi_model::quantity::parse_duration;
use serde_json::json;

use super::output::{OutputArgs, print_value};
use super::session::Session;
use super::words::clock;
use crate::terminal::{Exit, Failure, say};

/// `rigi log-level`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi log-level                    what is written now
  rigi log-level debug --for 30m    more of it, for half an hour
  rigi log-level --reset            what is configured (`log.level`)")]
pub struct LogLevel {
    /// `error`, `warn`, `info`, `debug` or `trace`; without it, the level is only printed
    #[arg(value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
    level: Option<String>,
    /// For how long, from a minute to a day
    #[arg(long = "for", value_name = "TIME", default_value = "15m", requires = "level")]
    time: String,
    /// Back to what is configured
    #[arg(long, conflicts_with = "level")]
    reset: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl LogLevel {
    /// Prints how much the server writes into its own log, or changes it.
    ///
    /// # Errors
    /// When a flag is wrong, or the server does not answer.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        let minutes = minutes(&self.time)?;
        let path = &["system", "log-level"];
        let found: LogLevelView = session.block_on(async {
            if self.level.is_none() && !self.reset {
                return Ok(client.get(path, &[]).await?);
            }
            let body = json!({"level": self.level, "minutes": minutes});
            Ok(client.change(Method::PUT, path, Some(&body)).await?)
        })?;
        if !self.output.is_for_people() {
            print_value(&found, self.output, || vec![found.level.clone()])?;
            return Ok(Exit::Ok.into());
        }
        let LogLevelView { level, configured, until } = &found;
        match until {
            Some(until) => say(&format!("{level} until {}, then {configured} again", clock(*until)))?,
            None => say(&format!("{level}, as it is configured"))?,
        }
        Ok(Exit::Ok.into())
    }
}

fn minutes(text: &str) -> Result<u64, Failure> {
    let wrong = || Failure::new(Exit::Usage, format!("`--for {text}` is no time from 1m to 24h"));
    let time: Duration = parse_duration(text).map_err(|_| wrong())?;
    let minutes = time.as_secs().div_ceil(60);
    if (1..=1440).contains(&minutes) { Ok(minutes) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn a_time_is_of_whole_minutes_within_a_day() {
        assert_eq!(minutes("15m").unwrap(), 15);
        assert_eq!(minutes("90s").unwrap(), 2);
        assert_eq!(minutes("24h").unwrap(), 1440);
        for wrong in ["0s", "25h", "soon", ""] {
            assert!(minutes(wrong).is_err(), "{wrong}");
        }
    }
}
