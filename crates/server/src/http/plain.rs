//! The words of the libraries that read requests, in those of people.

use rigi_model::text::nearest;

/// What is wrong with a value, said for whoever sent it.
pub(super) fn plain(message: &str) -> String {
    let message = without_place(message);
    let begins = |start: &str| message.strip_prefix(start);
    if let Some(rest) = begins("unknown field ").or_else(|| begins("unknown variant ")) {
        return unknown(
            rest,
            if message.starts_with("unknown field") { "no field" } else { "none of the values" },
        );
    }
    if let Some(name) = begins("missing field ") {
        return format!("{name} is missing");
    }
    if let Some(name) = begins("duplicate field ") {
        return format!("{name} is given twice");
    }
    if let Some(rest) = begins("invalid type: ").or_else(|| begins("invalid value: ")) {
        return mismatch(rest);
    }
    match message {
        "invalid digit found in string" => {
            "it is no whole number, or one with a sign that it may not have".to_owned()
        }
        "cannot parse integer from empty string" => {
            "it is empty, where a whole number is expected".to_owned()
        }
        "number too large to fit in target type" => "the number is too large".to_owned(),
        "number too small to fit in target type" => "the number is too small".to_owned(),
        "provided string was not `true` or `false`" => "it must be `true` or `false`".to_owned(),
        other => other.to_owned(),
    }
}

/// `… at line 1 column 5` is said by the pointer.
fn without_place(message: &str) -> &str {
    message
        .rsplit_once(" at line ")
        .filter(|(_, at)| at.contains(" column "))
        .map_or(message, |(what, _)| what)
}

/// `\`a\`, expected one of \`b\`, \`c\``.
fn unknown(rest: &str, what: &str) -> String {
    let mut names = rest.split('`').skip(1).step_by(2);
    let name = names.next().unwrap_or_default();
    let known: Vec<&str> = names.collect();
    let all = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("`{name}` is {what}; the nearest is `{near}`"),
        None if known.is_empty() => format!("`{name}` is {what}; there is none"),
        None => format!("`{name}` is {what}; there is {all}"),
    }
}

/// `string "x", expected u32`.
fn mismatch(rest: &str) -> String {
    let Some((found, expected)) = rest.rsplit_once(", expected ") else { return rest.to_owned() };
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    let value = value.trim_matches(['`', '"']);
    let value: String = value.chars().take(80).collect();
    let found = match kind {
        "string" => format!("`{value}` is a text"),
        "integer" | "floating" => format!("`{}` is a number", value.trim_start_matches("point `")),
        "boolean" => format!("`{value}` is a truth value"),
        "null" => "`null` is nothing".to_owned(),
        "sequence" => "it is a list".to_owned(),
        "map" => "it is an object".to_owned(),
        _ => format!("it is {found}"),
    };
    let expected = match expected {
        "a string" | "a borrowed string" | "str" => "a text",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a map" => "an object",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number in its range",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0, in its range",
        "f32" | "f64" => "a number",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    format!("{found}, where {expected} is expected")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_libraries_become_words_of_people() {
        for (theirs, ours) in [
            (
                "unknown field `parametres`, expected one of `parameters`, `inputs` at line 1 column 13",
                "`parametres` is no field; the nearest is `parameters`",
            ),
            ("unknown field `zzz`, expected `a` or `b`", "`zzz` is no field; there is `a`, `b`"),
            (
                "unknown variant `old`, expected `same` or `current`",
                "`old` is none of the values; there is `same`, `current`",
            ),
            ("missing field `name`", "`name` is missing"),
            ("duplicate field `limit`", "`limit` is given twice"),
            (
                "invalid type: string \"7\", expected u32 at line 2 column 9",
                "`7` is a text, where a whole number from 0, in its range is expected",
            ),
            ("invalid type: sequence, expected a map", "it is a list, where an object is expected"),
            (
                "invalid value: integer `-1`, expected u64",
                "`-1` is a number, where a whole number from 0, in its range is expected",
            ),
            (
                "invalid type: floating point `1.5`, expected i32",
                "`1.5` is a number, where a whole number in its range is expected",
            ),
            ("invalid type: null, expected a string", "`null` is nothing, where a text is expected"),
            (
                "invalid digit found in string",
                "it is no whole number, or one with a sign that it may not have",
            ),
            ("something else", "something else"),
        ] {
            assert_eq!(plain(theirs), ours);
        }
    }
}
