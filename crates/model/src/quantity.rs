//! Amounts as people write them (`512MiB`, `1.5g`, `1h30m`, `500m` cores) and as people read them.
//!
//! Letters of memory are powers of 1024, always, as Docker reads them: `512m`, `512M`, `512MB`, `512Mi` and
//! `512MiB` are the same. `show_…` rounds for people; `write_…` is exact and reads back as the same amount.

use std::time::Duration;

/// The longest time that can be written: a hundred years.
pub const LONGEST_DURATION: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A text that is not the amount that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Nothing was written.
    #[error("it is empty; write {example}")]
    Empty {
        /// A right one.
        example: &'static str,
    },
    /// No number where one must be.
    #[error("`{text}` has no number where one must stand; write {example}")]
    NoNumber {
        /// What was written.
        text: String,
        /// A right one.
        example: &'static str,
    },
    /// A unit that does not exist.
    #[error("`{text}` has the unknown unit `{unit}`; the units are {units}")]
    UnknownUnit {
        /// What was written.
        text: String,
        /// The part that is wrong.
        unit: String,
        /// Those that exist.
        units: &'static str,
    },
    /// Below zero.
    #[error("`{text}` is negative")]
    Negative {
        /// What was written.
        text: String,
    },
    /// More than can be.
    #[error("`{text}` is more than {most}")]
    TooMuch {
        /// What was written.
        text: String,
        /// The limit, for people.
        most: &'static str,
    },
    /// A time needs a unit, as there are several to guess from.
    #[error("`{text}` has no unit; write {example}")]
    NoUnit {
        /// What was written.
        text: String,
        /// A right one.
        example: &'static str,
    },
}

const BYTES_EXAMPLE: &str = "an amount such as `512MiB` or `1.5g`";
const TIME_EXAMPLE: &str = "a time such as `30s` or `1h30m`";
const CPU_EXAMPLE: &str = "cores such as `2`, `0.5` or `500m`";

/// Splits off a leading number: digits with at most one point. The rest has no white space in front.
fn split_number(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let has_digit = number.bytes().any(|byte| byte.is_ascii_digit());
    (has_digit && number.matches('.').count() <= 1).then(|| (number, rest.trim_start()))
}

fn shorten(text: &str) -> String {
    crate::text::excerpt(text)
}

/// Bytes: `512MiB`, `512Mi`, `512m`, `1.5g`, `100`. A fraction of a byte is cut off.
///
/// # Errors
/// When it is no such text, or more than 8 EiB.
pub fn parse_bytes(text: &str) -> Result<u64, QuantityError> {
    let trimmed = text.trim();
    check_start(trimmed, BYTES_EXAMPLE)?;
    let no_number = || QuantityError::NoNumber { text: shorten(text), example: BYTES_EXAMPLE };
    let (number, unit) = split_number(trimmed).ok_or_else(no_number)?;
    let power = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "ki" | "kb" | "kib" => 1,
        "m" | "mi" | "mb" | "mib" => 2,
        "g" | "gi" | "gb" | "gib" => 3,
        "t" | "ti" | "tb" | "tib" => 4,
        "p" | "pi" | "pb" | "pib" => 5,
        _ => {
            let units = "B, KiB, MiB, GiB and TiB";
            return Err(QuantityError::UnknownUnit { text: shorten(text), unit: shorten(unit), units });
        }
    };
    let factor = 1_u64 << (10 * power);
    let too_much = || QuantityError::TooMuch { text: shorten(text), most: "8 EiB" };
    if !number.contains('.') {
        let whole = number.parse::<u64>().map_err(|_| too_much())?;
        let bytes = whole.checked_mul(factor).ok_or_else(too_much)?;
        return if bytes > i64::MAX.unsigned_abs() { Err(too_much()) } else { Ok(bytes) };
    }
    let bytes = number.parse::<f64>().map_err(|_| no_number())? * factor as f64;
    // Below 2^63 every f64 that is not negative fits.
    if bytes < i64::MAX as f64 { Ok(bytes as u64) } else { Err(too_much()) }
}

fn check_start(trimmed: &str, example: &'static str) -> Result<(), QuantityError> {
    match trimmed.chars().next() {
        None => Err(QuantityError::Empty { example }),
        Some('-' | '−') => Err(QuantityError::Negative { text: shorten(trimmed) }),
        _ => Ok(()),
    }
}

/// Bytes for people, three digits at most: `512 MiB`, `1.5 GiB`, `48 KiB`, `0 B`.
#[must_use]
pub fn show_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut amount = bytes as f64;
    let mut unit = 0;
    // 1023.5 would be rounded to 1024 of its unit.
    while amount >= 1023.5 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{} {}", round(amount), UNITS[unit])
}

/// Bytes of a limit for people, as it was given where that is short: `64 MiB`, `1,500 KiB`, `1,234 bytes`.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let (mut amount, mut unit) = (bytes, 0);
    while amount >= 1024 && amount % 1024 == 0 && unit < UNITS.len() - 1 {
        (amount, unit) = (amount / 1024, unit + 1);
    }
    if amount < 10_240 || unit == 0 {
        return format!("{} {}", show_count(i64::try_from(amount).unwrap_or(i64::MAX)), UNITS[unit]);
    }
    let mut amount = amount as f64;
    while amount >= 1024.0 && unit < UNITS.len() - 1 {
        (amount, unit) = (amount / 1024.0, unit + 1);
    }
    format!("{amount:.1} {}", UNITS[unit])
}

/// A count for people: `2,225`.
#[must_use]
pub fn show_count(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or("")).collect();
    format!("{}{}", if count < 0 { "-" } else { "" }, groups.join(","))
}

/// One decimal below ten unless it is zero.
fn round(amount: f64) -> String {
    let tenths = (amount * 10.0).round();
    if tenths < 100.0 && tenths % 10.0 != 0.0 {
        format!("{:.1}", tenths / 10.0)
    } else {
        format!("{amount:.0}")
    }
}

/// Bytes exactly, in the largest unit that divides them: `512MiB`, `1500B`.
#[must_use]
pub fn write_bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 5] =
        [("PiB", 1 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = UNITS.iter().find(|(_, size)| bytes != 0 && bytes.is_multiple_of(*size));
    unit.map_or_else(|| format!("{bytes}B"), |(name, size)| format!("{}{name}", bytes / size))
}

/// A time: `250ms`, `30s`, `5m`, `1h30m`, `2d`, `1.5h`, with or without spaces. `0` needs no unit.
///
/// # Errors
/// When it is no such text, or more than a hundred years.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let trimmed = text.trim();
    check_start(trimmed, TIME_EXAMPLE)?;
    let too_much = || QuantityError::TooMuch { text: shorten(text), most: "a hundred years" };
    let mut rest = trimmed;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let no_number = || QuantityError::NoNumber { text: shorten(text), example: TIME_EXAMPLE };
        let (number, behind) = split_number(rest).ok_or_else(no_number)?;
        let unit_end = behind.find(|c: char| c.is_ascii_digit() || c == '.' || c.is_whitespace());
        let (unit, behind) = behind.split_at(unit_end.unwrap_or(behind.len()));
        let nanoseconds = unit_of_time(unit, number, text)?;
        let part = multiply(number, nanoseconds).ok_or_else(too_much)?;
        sum = sum.checked_add(part).ok_or_else(too_much)?;
        rest = behind.trim_start();
    }
    if sum > LONGEST_DURATION { Err(too_much()) } else { Ok(sum) }
}

/// The nanoseconds of a unit.
fn unit_of_time(unit: &str, number: &str, text: &str) -> Result<u64, QuantityError> {
    const SECOND: u64 = 1_000_000_000;
    Ok(match unit {
        "" if number.bytes().all(|byte| matches!(byte, b'0' | b'.')) => SECOND,
        "" => return Err(QuantityError::NoUnit { text: shorten(text), example: TIME_EXAMPLE }),
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" | "sec" | "second" | "seconds" => SECOND,
        "m" | "min" | "minute" | "minutes" => 60 * SECOND,
        "h" | "hour" | "hours" => 3600 * SECOND,
        "d" | "day" | "days" => 24 * 3600 * SECOND,
        "w" | "week" | "weeks" => 7 * 24 * 3600 * SECOND,
        _ => {
            let units = "ms, s, m, h, d and w";
            return Err(QuantityError::UnknownUnit { text: shorten(text), unit: shorten(unit), units });
        }
    })
}

fn multiply(number: &str, nanoseconds: u64) -> Option<Duration> {
    let total = if number.contains('.') {
        number.parse::<f64>().ok()? * nanoseconds as f64
    } else {
        let exact = number.parse::<u64>().ok()?.checked_mul(nanoseconds)?;
        return Some(Duration::from_nanos(exact));
    };
    // As nanoseconds and not as seconds, so that `2.4 s` is not one nanosecond less.
    (total < u64::MAX as f64).then(|| Duration::from_nanos(total.round() as u64))
}

/// A time for people: `0 s`, `41 ms`, `2.4 s`, `42 s`, `1m 23s`, `2h 5m`, `3d 4h`.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let seconds = duration.as_secs_f64().round() as u64;
    let two = |first: u64, a: char, second: u64, b: char| {
        if second == 0 { format!("{first}{a}") } else { format!("{first}{a} {second}{b}") }
    };
    match milliseconds {
        0 if duration.is_zero() => "0 s".to_owned(),
        0 => "under 1 ms".to_owned(),
        1..1000 => format!("{milliseconds} ms"),
        1000..59_500 => format!("{} s", round(duration.as_secs_f64())),
        _ if seconds < 3600 => two(seconds / 60, 'm', seconds % 60, 's'),
        _ if seconds < 86_400 => two(seconds / 3600, 'h', seconds % 3600 / 60, 'm'),
        _ => two(seconds / 86_400, 'd', seconds % 86_400 / 3600, 'h'),
    }
}

/// A time exactly: `1h30m`, `2d`, `250ms`, `0s`.
#[must_use]
pub fn write_duration(duration: Duration) -> String {
    use std::fmt::Write as _;

    let (seconds, nanoseconds) = (duration.as_secs(), u64::from(duration.subsec_nanos()));
    let parts = [
        (seconds / 86_400, "d"),
        (seconds % 86_400 / 3600, "h"),
        (seconds % 3600 / 60, "m"),
        (seconds % 60, "s"),
        (nanoseconds / 1_000_000, "ms"),
        (nanoseconds / 1000 % 1000, "us"),
        (nanoseconds % 1000, "ns"),
    ];
    let mut text = String::new();
    for (amount, unit) in parts.into_iter().filter(|(amount, _)| *amount > 0) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{amount}{unit}");
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// The most cores that one attempt may be given.
pub const MOST_CORES: f64 = 100_000.0;

/// Cores: `2`, `1.5`, and Kubernetes' thousandths, `500m`. More than zero.
///
/// # Errors
/// When it is no such text, zero, or more than [`MOST_CORES`].
pub fn parse_cpu(text: &str) -> Result<f64, QuantityError> {
    let trimmed = text.trim();
    check_start(trimmed, CPU_EXAMPLE)?;
    let no_number = || QuantityError::NoNumber { text: shorten(text), example: CPU_EXAMPLE };
    let (number, unit) = split_number(trimmed).ok_or_else(no_number)?;
    let cores = number.parse::<f64>().map_err(|_| no_number())?;
    let cores = match unit {
        "" | "core" | "cores" => cores,
        "m" => cores / 1000.0,
        _ => {
            let units = "`m` (thousandths of a core) or none";
            return Err(QuantityError::UnknownUnit { text: shorten(text), unit: shorten(unit), units });
        }
    };
    if cores > MOST_CORES {
        return Err(QuantityError::TooMuch { text: shorten(text), most: "100,000 cores" });
    }
    if cores > 0.0 { Ok(cores) } else { Err(no_number()) }
}

/// Cores for people: `2 cores`, `1 core`, `0.5 cores`.
#[must_use]
pub fn show_cpu(cores: f64) -> String {
    let text = format!("{cores:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} {}", if text == "1" { "core" } else { "cores" })
}

/// A place in a row: `1st`, `2nd`, `11th`.
#[must_use]
pub fn ordinal(place: u64) -> String {
    let ending = match (place % 10, place % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{place}{ending}")
}

#[cfg(test)]
mod tests;
