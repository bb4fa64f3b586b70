//! Numbers that stay what they are: whole ones of 64 bits, others as far as a double has digits. What has more is not
//! rounded, but refused where it comes in.

use serde_json::{Map, Number, Value};

/// Why a number is refused, behind "is" and its text.
pub const INEXACT: &str = "has more digits than can be kept: 64 bits of a whole number, 17 digits of another";

/// The first number of a JSON text that would not be kept as it is written. The text must be JSON.
#[must_use]
pub fn inexact_number(json: &str) -> Option<&str> {
    let bytes = json.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_text(bytes, at + 1),
            b'-' | b'0'..=b'9' => {
                let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                let length = bytes[at..].iter().take_while(|byte| part(byte)).count();
                let text = &json[at..at + length];
                if !is_exact(text) {
                    return Some(text);
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    None
}

fn end_of_text(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// Whether a decimal number is kept as it is written, in value.
#[must_use]
pub fn is_exact(text: &str) -> bool {
    let text = &text.replace('_', "");
    let short = text.len() <= 15 && !text.contains(['e', 'E']);
    if short || text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(float) = text.parse::<f64>() else { return false };
    let Some(written) = parts(text).filter(|_| float.is_finite()) else { return false };
    if parts(&format!("{float:e}")).as_ref() == Some(&written) {
        return true;
    }
    // Of two texts that are as short and as near, one writer takes this and another that.
    let digits = written.1.len();
    (1..=17).contains(&digits) && parts(&format!("{float:.*e}", digits - 1)) == Some(written)
}

/// Its digits without zeros at either end, and the power of ten of the last of them.
fn parts(text: &str) -> Option<(bool, String, i64)> {
    let negative = text.starts_with('-');
    let text = text.trim_start_matches(['-', '+']);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let fraction = i64::try_from(fraction.len()).ok()?;
    let significant = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    Some((negative, significant.to_owned(), exponent - fraction + zeros))
}

/// A text as the number that it writes, if that is kept as it is.
#[must_use]
pub fn read_exact(text: &str) -> Option<Number> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    text.parse::<f64>().ok().filter(|_| is_exact(text)).and_then(Number::from_f64)
}

/// A number without a fraction as a whole one: `1e3` and `1000.0` as `1000`.
fn whole(value: &Value) -> Option<Value> {
    /// Beyond 2^63 no `i64` is.
    const END: f64 = 9_223_372_036_854_775_808.0;
    let Value::Number(number) = value else { return None };
    let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0)?;
    (-END..END).contains(&float).then(|| Value::from(float as i64))
}

/// Writes the whole numbers of parameters of type `integer` as whole numbers, however they were given.
pub(super) fn write_whole(schema: &Value, values: &mut Map<String, Value>) {
    for (name, value) in values {
        let property = schema.get("properties").and_then(|all| all.get(name));
        if let Some(property) = property {
            write_property_whole(property, value);
        }
    }
}

/// The same for one parameter, and for the items of a list.
pub(crate) fn write_property_whole(property: &Value, value: &mut Value) {
    match value {
        Value::Number(_) if may_be_whole(property) => {
            if let Some(number) = whole(value) {
                *value = number;
            }
        }
        Value::Array(items) => {
            if let Some(property) = property.get("items") {
                items.iter_mut().for_each(|item| write_property_whole(property, item));
            }
        }
        Value::Object(members) => write_whole(property, members),
        _ => {}
    }
}

fn may_be_whole(property: &Value) -> bool {
    match property.get("type") {
        Some(Value::String(name)) => name == "integer",
        Some(Value::Array(names)) => {
            names.iter().any(|name| name == "integer") && !names.iter().any(|name| name == "number")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_kept_or_named() {
        let kept = [
            "0",
            "-0",
            "-0.0",
            "1e3",
            "1E+3",
            "0.1",
            "1.10",
            "1e-7",
            "9007199254740993",
            "18446744073709551615",
            "-9223372036854775808",
            "1e300",
            "0.30000000000000004",
            "5e-324",
            "100000000000000000000",
            "1e22",
            "3.141592653589793",
            "123456789012345680000",
        ];
        for text in kept {
            assert!(is_exact(text), "{text}");
            assert_eq!(inexact_number(&format!("{{\"a\": [{text}, \"1e999\"]}}")), None, "{text}");
        }
        let changed = [
            "18446744073709551616",
            "-9223372036854775809",
            "0.1234567890123456789",
            "3.14159265358979323846",
            "9007199254740993.0",
            "1e400",
            "1e-400",
            "123456789012345678901",
            "2.00000000000000000001",
        ];
        for text in changed {
            assert!(!is_exact(text), "{text}");
            assert_eq!(inexact_number(&format!("{{\"a\\\"1e999\": [1, {{\"b\": {text}}}]}}")), Some(text));
        }
    }

    #[test]
    fn whole_numbers_are_written_whole_where_they_are_asked_for() {
        let integer = json!({"type": "integer"});
        let schema = json!({"properties": {
            "n": integer, "x": {"type": "number"}, "list": {"type": "array", "items": integer},
            "o": {"type": "object", "properties": {"n": integer}}, "either": {"type": ["integer", "null"]},
        }});
        let mut values = json!({
            "n": 1e3, "x": 1e3, "list": [2.0, 2.5], "o": {"n": -0.0}, "either": 4.0, "unknown": 1.0
        });
        let Value::Object(members) = &mut values else { panic!("an object") };
        write_whole(&schema, members);
        let expected = r#"{"n":1000,"x":1000.0,"list":[2,2.5],"o":{"n":0},"either":4,"unknown":1.0}"#;
        assert_eq!(values.to_string(), expected);
        assert_eq!(whole(&json!(1e19)), None);
    }

    #[test]
    fn of_two_texts_that_are_as_near_both_are_kept() {
        // The double lies in the middle: ….25.
        for text in ["1234347023592934.2", "1234347023592934.25"] {
            let value: f64 = text.parse().unwrap();
            assert!(
                is_exact(&value.to_string()) && is_exact(&serde_json::to_string(&value).unwrap()),
                "{text}"
            );
        }
        assert!(is_exact("1234347023592934.2"));
        assert!(!is_exact("1234347023592934.24") && !is_exact("0.10000000000000000001"));
    }

    proptest! {
        #[test]
        fn what_a_double_writes_is_kept(float: f64) {
            if let Some(number) = Number::from_f64(float) {
                prop_assert!(is_exact(&number.to_string()), "{number}");
            }
        }

        #[test]
        fn whole_numbers_of_64_bits_are_kept(signed: i64, unsigned: u64) {
            prop_assert!(is_exact(&signed.to_string()) && is_exact(&unsigned.to_string()));
            prop_assert_eq!(read_exact(&unsigned.to_string()), Some(Number::from(unsigned)));
        }
    }
}
