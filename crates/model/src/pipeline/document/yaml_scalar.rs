//! What a plain YAML scalar means by the core schema (YAML 1.2.2, section 10.3.2).

use serde_json::Number;

use super::NodeValue;

/// What a scalar turned out to be.
pub(super) enum Scalar {
    /// This value.
    Value(NodeValue),
    /// An infinity or no number at all, which no spec can mean.
    NotFinite,
    /// Not what its tag says.
    NotOfTag,
}

/// Resolves a scalar: `plain` if it stands without quotes, `tag` as `int` for `!!int`.
pub(super) fn resolve(text: &str, plain: bool, tag: Option<&str>) -> Scalar {
    match tag {
        Some("str") => return Scalar::Value(NodeValue::Text(text.to_owned())),
        None if !plain => return Scalar::Value(NodeValue::Text(text.to_owned())),
        _ => {}
    }
    let found = resolve_plain(text);
    let Some(tag) = tag else { return found };
    match (&found, tag) {
        (Scalar::Value(NodeValue::Null), "null") | (Scalar::Value(NodeValue::Bool(_)), "bool") => found,
        (Scalar::Value(NodeValue::Number(..)) | Scalar::NotFinite, "float") => found,
        (Scalar::Value(NodeValue::Number(number, _)), "int") if !number.is_f64() => found,
        _ => Scalar::NotOfTag,
    }
}

fn resolve_plain(text: &str) -> Scalar {
    let value = match text {
        "" | "~" | "null" | "Null" | "NULL" => NodeValue::Null,
        "true" | "True" | "TRUE" => NodeValue::Bool(true),
        "false" | "False" | "FALSE" => NodeValue::Bool(false),
        _ => return resolve_number(text),
    };
    Scalar::Value(value)
}

fn resolve_number(text: &str) -> Scalar {
    let as_text = || Scalar::Value(NodeValue::Text(text.to_owned()));
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Scalar::NotFinite;
    }
    let with_radix = |digits: &str, radix| u64::from_str_radix(digits, radix).ok();
    let prefixed = match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
        (Some(hex), _) if !hex.starts_with('+') => with_radix(hex, 16),
        (_, Some(octal)) if !octal.starts_with('+') => with_radix(octal, 8),
        _ => None,
    };
    if let Some(number) = prefixed {
        return Scalar::Value(NodeValue::Number(number.into(), number.to_string()));
    }
    if !is_decimal(digits) {
        return as_text();
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let number =
        unsigned.parse::<i64>().map(Number::from).or_else(|_| unsigned.parse::<u64>().map(Number::from));
    let number = number.ok().or_else(|| unsigned.parse::<f64>().ok().and_then(Number::from_f64));
    number.map_or(Scalar::NotFinite, |number| Scalar::Value(NodeValue::Number(number, unsigned.to_owned())))
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", part)) => all_digits(part),
        Some((whole, part)) => all_digits(whole) && (part.is_empty() || all_digits(part)),
        None => all_digits(mantissa),
    };
    mantissa_fits && exponent.is_none_or(all_digits)
}
