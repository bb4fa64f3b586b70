use serde_json::json;

use super::*;

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "start": {"type": "integer", "minimum": 1958, "maximum": 2001, "default": 1990},
            "mode": {"enum": ["fast", "exact"], "default": "fast"},
            "token": {"type": "string", "minLength": 8, "writeOnly": true},
            "station": {"type": "string", "pattern": "^[a-z]{3}$"},
            "day": {"type": "string", "format": "date"},
            "filters": {"type": "object", "properties": {"min": {"type": "number"}}, "required": ["min"]},
            "ratio": {"type": ["number", "null"], "exclusiveMinimum": 0},
            "list": {"type": "array", "items": {"type": "integer"}, "maxItems": 2, "uniqueItems": true},
        },
        "required": ["station"],
        "additionalProperties": false,
    })
}

fn said(given: Value) -> Vec<String> {
    let schema = ParameterSchema::compile(&schema()).unwrap();
    let mistakes = schema.check(map(given), &ParameterSources::default()).unwrap_err();
    mistakes.into_iter().map(|mistake| mistake.message).collect()
}

#[test]
fn defaults_are_filled_in() {
    let checked =
        check_parameters(Some(&schema()), map(json!({"station": "mlo", "start": 2000})), &Default::default());
    assert_eq!(Value::Object(checked.unwrap()), json!({"station": "mlo", "start": 2000, "mode": "fast"}));
}

#[test]
fn broken_rules_are_told_in_words() {
    let cases = [
        (json!({"station": "mlo", "start": 2040}), "`start` is 2040 and may be at most 2001"),
        (json!({"station": "mlo", "start": "x"}), "`start` is \"x\" and must be a whole number"),
        (
            json!({"station": "mlo", "strat": 1}),
            "`strat`: there is no such parameter; the nearest is `start`",
        ),
        (json!({}), "`station` is missing"),
        (json!({"station": "Mauna"}), "`station` is \"Mauna\" and must match the pattern `^[a-z]{3}$`"),
        (
            json!({"station": "mlo", "mode": "slow"}),
            "`mode` is \"slow\" and must be one of \"fast\", \"exact\"",
        ),
        (json!({"station": "mlo", "token": "abc"}), "`token` must have at least 8 characters"),
        (json!({"station": "mlo", "day": "1.6."}), "`day` is \"1.6.\" and must be a date such as 2026-06-01"),
        (json!({"station": "mlo", "filters": {}}), "`filters.min` is missing"),
        (json!({"station": "mlo", "ratio": 0}), "`ratio` is 0 and must be more than 0"),
        (json!({"station": "mlo", "ratio": "a"}), "`ratio` is \"a\" and must be a number or null"),
        (json!({"station": "mlo", "list": [1, "b"]}), "`list.1` is \"b\" and must be a whole number"),
        (json!({"station": "mlo", "list": [1, 1]}), "`list` is a list of 2 and has an item twice"),
    ];
    for (given, message) in cases {
        assert_eq!(said(given), [message]);
    }
}

#[test]
fn mistakes_say_where_the_rule_and_the_value_come_from() {
    let rules = BTreeMap::from([
        ("/properties/start".to_owned(), Position { line: 9, column: 3 }),
        ("/properties/start/maximum".to_owned(), Position { line: 12, column: 7 }),
    ]);
    let given_by = BTreeMap::from([
        ("start".to_owned(), "-p start=2040".to_owned()),
        ("token".to_owned(), "-p token=abc".to_owned()),
    ]);
    let sources =
        ParameterSources { file: Some("pipeline.yaml"), rules: Some(&rules), given_by: Some(&given_by) };
    let given = map(json!({"station": "mlo", "start": 2040, "token": "abc"}));
    let mistakes = check_parameters(Some(&schema()), given, &sources).unwrap_err();
    let start = mistakes.iter().find(|mistake| mistake.parameter == "start").unwrap();
    let expected = json!({
        "pointer": "/parameters/start",
        "parameter": "start",
        "rule": "maximum",
        "limit": 2001,
        "message": "`start` is 2040 and may be at most 2001",
        "cure": null,
        "source": "pipeline.yaml:12:7",
        "given_by": "-p start=2040",
    });
    assert_eq!(serde_json::to_value(start).unwrap(), expected);
    let token = mistakes.iter().find(|mistake| mistake.parameter == "token").unwrap();
    assert_eq!(token.given_by.as_deref(), Some("-p token"));
    assert!(!format!("{token:?}").contains("abc"));
    assert_eq!(rule_source(&rules, "start", "maximum"), Some(Position { line: 12, column: 7 }));
    assert_eq!(rule_source(&rules, "start", "minimum"), Some(Position { line: 9, column: 3 }));
    assert_eq!(rule_source(&rules, "other", "minimum"), None);
}

#[test]
fn too_much_and_nul_are_refused_with_and_without_a_schema() {
    for schema in [None, Some(schema())] {
        let check =
            |given| check_parameters(schema.as_ref(), map(given), &Default::default()).unwrap_err().remove(0);
        let large = check(json!({"station": "x".repeat(10_000_000)}));
        assert_eq!(large.message, "the parameters have 9.5 MiB and may have at most 1 MiB");
        assert_eq!((large.rule.as_str(), large.pointer.as_str()), ("size", "/parameters"));
        let nul = check(json!({"station": "a\0b"}));
        assert_eq!(nul.message, "`station` holds a NUL character, which no program can be given");
        assert_eq!(check(json!({"station": {"deep": ["\0"]}})).rule, "nul");
    }
}

#[test]
fn without_a_schema_names_must_be_variables() {
    let check = |name: &str| check_parameters(None, map(json!({ name: 1 })), &Default::default());
    assert!(check("START").is_ok() && check("any_name").is_ok());
    for name in ["a b", "1a", "", "RIGI_RUN_ID", "rigi_x", "LD_PRELOAD", "PATH", "PYTHONPATH"] {
        assert_eq!(check(name).unwrap_err()[0].rule, "name", "{name}");
    }
}

#[test]
fn text_of_a_command_line_takes_the_type_of_its_schema() {
    let schema = json!({"properties": {
        "i": {"type": "integer"}, "n": {"type": "number"}, "b": {"type": "boolean"}, "s": {"type": "string"},
        "l": {"type": "array", "items": {"type": "integer"}}, "o": {"type": "object"},
        "e": {"enum": [1, "x", true]}, "m": {"type": ["integer", "null", "string"]},
    }});
    let cases = [
        ("i", "2040", json!(2040)),
        ("i", "-7", json!(-7)),
        ("i", "1.5", json!("1.5")),
        ("i", "18446744073709551615", json!(u64::MAX)),
        ("n", "1.5", json!(1.5)),
        ("n", "2", json!(2)),
        ("n", "inf", json!("inf")),
        ("b", "true", json!(true)),
        ("b", "yes", json!("yes")),
        ("s", "007", json!("007")),
        ("l", "1,2, 3", json!([1, 2, 3])),
        ("l", "[1]", json!([1])),
        ("l", "", json!([])),
        ("o", r#"{"a": 1}"#, json!({"a": 1})),
        ("e", "1", json!(1)),
        ("e", "true", json!(true)),
        ("e", "y", json!("y")),
        ("m", "5", json!(5)),
        ("m", "", json!(null)),
        ("m", "x", json!("x")),
        ("unknown", "5", json!("5")),
    ];
    for (name, text, value) in cases {
        assert_eq!(coerce_text(Some(&schema), name, text), value, "{name}={text}");
    }
    assert_eq!(coerce_text(None, "x", "5"), json!("5"));
}

#[test]
fn secrets_are_those_that_are_marked() {
    assert_eq!(secret_parameters(Some(&schema())), BTreeSet::from(["token".to_owned()]));
    assert!(secret_parameters(None).is_empty());
}

#[test]
fn schemas_that_never_end_or_lead_out_are_refused() {
    let said = |schema: Value| ParameterSchema::compile(&schema).unwrap_err();
    let property = |property: Value| json!({"properties": {"a": property}});
    let cases = [
        (property(json!({"$ref": "#/properties/a"})), "leads in a circle"),
        (json!({"$ref": "#"}), "leads in a circle"),
        (json!({"dependentSchemas": {"a": {"$ref": "#"}}}), "leads in a circle"),
        (json!({"allOf": [{"if": {"$ref": "#/allOf/0"}}]}), "leads in a circle"),
        (property(json!({"$ref": "https://example.org/x"})), "leads out of the spec"),
        (property(json!({"$ref": "file:///etc/passwd"})), "leads out of the spec"),
        (property(json!({"$ref": "#/$defs/none"})), "leads nowhere"),
        (property(json!({"$dynamicRef": "#a"})), "is not supported"),
        (property(json!({"$id": "https://example.org/", "type": "string"})), "is not supported"),
        (property(json!({"pattern": "(?=x)"})), "is not a regular expression"),
        (property(json!({"pattern": "(((a{1000}){1000}){1000})"})), ""),
    ];
    for (schema, message) in cases {
        assert!(said(schema.clone()).message.contains(message), "{schema} {:?}", said(schema.clone()));
    }
    // Trees that refer to themselves end where the value ends; two references to the same are no circle.
    let tree = json!({
        "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
        "properties": {"a": {"$ref": "#/$defs/tree"}, "b": {"anyOf": [{"$ref": "#/$defs/tree"}, {"$ref": "#/$defs/tree"}]}},
    });
    let schema = ParameterSchema::compile(&tree).unwrap();
    assert!(schema.check(map(json!({"a": [[], [[]]], "b": [[]]})), &Default::default()).is_ok());
    assert!(schema.check(map(json!({"a": [[1]]})), &Default::default()).is_err());
}

#[test]
fn many_mistakes_are_cut() {
    let given: Map<String, Value> = (0..10_000).map(|n| (format!("p{n}"), n.into())).collect();
    let mistakes = check_parameters(Some(&schema()), given, &Default::default()).unwrap_err();
    assert_eq!(mistakes.len(), MOST_MISTAKES);
}

#[test]
fn an_enumeration_says_what_a_text_means() {
    let schema = json!({"properties": {
        "bare": {"enum": ["a", 1, null]}, "typed": {"type": ["string", "null"], "enum": ["a", null]},
        "word": {"enum": ["null", null]}, "one": {"const": null}, "free": {"type": ["string", "null"]},
    }});
    let read = |name: &str, text: &str| coerce_text(Some(&schema), name, text);
    for name in ["bare", "typed", "one"] {
        assert_eq!((read(name, "null"), read(name, "")), (Value::Null, Value::Null), "{name}");
    }
    assert_eq!((read("bare", "1"), read("typed", "a")), (json!(1), json!("a")));
    // A text that is among the values is meant before the null that is written like it.
    assert_eq!((read("word", "null"), read("word", "")), (json!("null"), Value::Null));
    assert_eq!(read("free", "null"), json!("null"));
    let compiled = ParameterSchema::compile(&schema).unwrap();
    let given = json!({"bare": read("bare", "null"), "typed": read("typed", "null")});
    assert!(compiled.check(given.as_object().unwrap().clone(), &ParameterSources::default()).is_ok());
}

#[test]
fn numbers_on_a_command_line_are_kept_or_refused() {
    let schema =
        json!({"properties": {"n": {"type": "integer"}, "x": {"type": "number"}, "l": {"type": "array"}}});
    let compiled = ParameterSchema::compile(&schema).unwrap();
    let check = |name: &str, text: &str| {
        let given = json!({name: coerce_text(Some(&schema), name, text)});
        compiled.check(given.as_object().unwrap().clone(), &ParameterSources::default())
    };
    for (name, text, kept) in [
        ("n", "9007199254740993", "9007199254740993"),
        ("n", "18446744073709551615", "18446744073709551615"),
        ("n", "1e3", "1000"),
        ("n", "-0", "0"),
        ("n", "5.0", "5"),
        ("x", "1e-7", "1e-7"),
        ("x", "9007199254740993", "9007199254740993"),
        ("l", "[9007199254740993, 0.1]", "[9007199254740993,0.1]"),
    ] {
        assert_eq!(check(name, text).unwrap()[name].to_string(), kept, "{text}");
    }
    for (name, text) in [("n", "18446744073709551616"), ("x", "0.12345678901234567890"), ("x", "1e999")] {
        let message = &check(name, text).unwrap_err()[0].message;
        assert!(message.contains("has more digits than can be kept"), "{message}");
    }
    let message = &check("l", "[18446744073709551616]").unwrap_err()[0].message;
    assert!(message.contains("the number 18446744073709551616 in it has more digits"), "{message}");
}

#[test]
fn a_schema_that_no_longer_compiles_lets_nothing_through() {
    let broken = json!({"properties": {"a": {"pattern": "("}}});
    let mistakes = check_parameters(Some(&broken), Map::new(), &ParameterSources::default()).unwrap_err();
    assert_eq!((mistakes[0].rule.as_str(), mistakes[0].pointer.as_str()), ("schema", "/parameters"));
    assert!(mistakes[0].cure.is_some());
}
