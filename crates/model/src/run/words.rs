//! The sentences about an attempt's end.

use std::time::Duration;

use crate::{Exit, Reason};

/// Code and sentence of an end that is not a success. What a process that failed said itself is the sentence.
pub(super) fn explain(exit: &Exit, quote: Option<String>) -> (Option<Reason>, Option<String>) {
    match exit {
        Exit::Code { code: 0 } => (None, None),
        Exit::Code { code } => {
            let bare = || format!("exit {code}{}", known_code(*code));
            (Some(Reason::ExitCode), Some(quote.unwrap_or_else(bare)))
        }
        Exit::Signal { signal } => (Some(Reason::Signal), Some(format!("ended by {}", signal_name(*signal)))),
        Exit::OutOfMemory { limit: Some(limit) } => {
            (Some(Reason::OutOfMemory), Some(format!("killed: over {} of memory", bytes(*limit))))
        }
        Exit::OutOfMemory { limit: None } => {
            (Some(Reason::OutOfMemory), Some("killed: the machine ran out of memory".into()))
        }
        Exit::LimitExceeded { what, limit } => {
            let amount = if what == "output_size" { bytes(*limit) } else { limit.to_string() };
            let name = what.replace('_', " ");
            (Some(Reason::LimitExceeded), Some(format!("killed: over the limit of {amount} ({name})")))
        }
        Exit::TimedOut { limit_us } => {
            let limit = Duration::from_micros(*limit_us);
            (Some(Reason::TimedOut), Some(format!("killed: over its time limit of {}", seconds(limit))))
        }
        Exit::Stopped => (Some(Reason::Cancelled), Some("cancelled".into())),
        Exit::NotStarted { reason, message, .. } => (Some(*reason), Some(message.clone())),
        Exit::OutputsLost { message, .. } => (Some(Reason::OutputsFailed), Some(message.clone())),
        Exit::Evicted { message } => (Some(Reason::Evicted), Some(message.clone())),
        Exit::Lost { message } => (Some(Reason::Lost), Some(message.clone())),
    }
}

const fn known_code(code: i32) -> &'static str {
    match code {
        126 => " (the command cannot be executed)",
        127 => " (the command was not found)",
        _ => "",
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        _ => return format!("signal {signal}"),
    };
    name.into()
}

/// Whole numbers in the largest binary unit that keeps them whole or below 10 with one decimal.
fn bytes(amount: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = amount as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let text =
        if value.fract() == 0.0 || value >= 10.0 { format!("{value:.0}") } else { format!("{value:.1}") };
    format!("{text} {}", UNITS[unit])
}

fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 60.0 {
        let text = format!("{seconds:.1}");
        return format!("{} s", text.trim_end_matches(".0"));
    }
    let whole = time.as_secs();
    let parts = [(whole / 3600, "h"), (whole / 60 % 60, "min"), (whole % 60, "s")];
    let words: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_said_in_words() {
        let say = |exit: Exit| explain(&exit, None).1.unwrap_or_default();
        assert_eq!(say(Exit::Code { code: 1 }), "exit 1");
        assert_eq!(say(Exit::Code { code: 127 }), "exit 127 (the command was not found)");
        assert_eq!(say(Exit::Signal { signal: 11 }), "ended by SIGSEGV");
        assert_eq!(say(Exit::OutOfMemory { limit: Some(512 << 20) }), "killed: over 512 MiB of memory");
        assert_eq!(say(Exit::OutOfMemory { limit: Some(1610612736) }), "killed: over 1.5 GiB of memory");
        assert_eq!(say(Exit::TimedOut { limit_us: 90_000_000 }), "killed: over its time limit of 1 min 30 s");
        assert_eq!(say(Exit::TimedOut { limit_us: 1_500_000 }), "killed: over its time limit of 1.5 s");
        let exit = Exit::LimitExceeded { what: "processes".into(), limit: 100 };
        assert_eq!(say(exit), "killed: over the limit of 100 (processes)");
        let quote = || Some("ValueError: no rows".to_owned());
        assert_eq!(explain(&Exit::Code { code: 1 }, quote()), (Some(Reason::ExitCode), quote()));
        assert_eq!(explain(&Exit::Code { code: 0 }, quote()), (None, None));
        assert_eq!(explain(&Exit::Signal { signal: 11 }, quote()).1.unwrap(), "ended by SIGSEGV");
    }
}
