use serde_json::json;

use super::*;

fn names() -> Value {
    json!({
        "params": {"region": "north", "n": 3, "full": true, "tags": ["a", "b"]},
        "steps": {"count": {"state": "succeeded", "outputs": {"rows": 42, "by-day": [1, 2.5]}}},
        "item": {"name": "x"},
    })
}

fn value(text: &str) -> Value {
    Expression::parse(text).unwrap().value(&names()).unwrap()
}

#[test]
fn values_and_paths() {
    for (text, wanted) in [
        ("1", json!(1)),
        ("-2.5", json!(-2.5)),
        ("'it\\'s'", json!("it's")),
        ("params.n", json!(3)),
        ("steps.count.outputs.rows", json!(42)),
        ("steps.count.outputs.by-day[1]", json!(2.5)),
        ("steps[\"count\"][\"state\"]", json!("succeeded")),
        ("steps.count.outputs.by-day.0", json!(1)),
        ("steps[\"count\"].outputs.rows", json!(42)),
        ("params.nobody.knows", json!(null)),
        ("size(params.tags)", json!(2)),
        ("[1, params.n]", json!([1, 3])),
    ] {
        assert_eq!(value(text), wanted, "{text}");
    }
}

#[test]
fn conditions() {
    for (text, wanted) in [
        ("params.n == 3.0", true),
        ("params.n > 2 && params.region == 'north'", true),
        ("params.n < 3 or params.full", true),
        ("not params.full", false),
        ("!(params.n <= 3)", false),
        ("'a' in params.tags", true),
        ("'ort' in params.region", true),
        ("'rows' in steps.count.outputs", true),
        ("params.none == null", true),
        ("params.none", false),
        ("steps.count.state != 'failed' && steps.count.outputs.rows >= 42", true),
        ("params.region < 'south'", true),
        // The second is not looked at.
        ("false && params.region > 1", false),
    ] {
        let holds = Expression::parse(text).unwrap().holds(&names());
        assert_eq!(holds, Ok(wanted), "{text}");
    }
}

#[test]
fn what_has_no_value_says_why() {
    for (text, why) in [
        ("params.region > 1", "a text cannot be less or more than a number"),
        ("size(params.n)", "a number has no size"),
        ("1 in params.n", "nothing can be in a number"),
    ] {
        assert_eq!(Expression::parse(text).unwrap().value(&names()).unwrap_err().to_string(), why, "{text}");
    }
    let holds = Expression::parse("params.n").unwrap().holds(&names());
    assert_eq!(
        holds.unwrap_err().to_string(),
        "a number is neither true nor false: compare it with something"
    );
}

#[test]
fn what_does_not_read_says_where() {
    for (text, at, what) in [
        ("", 1, "a value is missing before the end"),
        ("params.n = 3", 10, "to compare, write `==`"),
        ("(1", 3, "`)` is missing before the end"),
        ("1 2", 3, "`2` is one too many"),
        ("'open", 1, "this text has no end"),
        ("a..b", 1, "`a..b` has a dot too many"),
        ("1abc", 1, "`1abc` is not a number"),
        ("a[b]", 3, "`b` is no place: write `[0]` or `[\"name\"]`"),
        ("a % b", 3, "`%` means nothing here"),
        ("a[0].", 6, "a name is missing before the end"),
        ("a[0]b", 5, "`b` is one too many"),
        ("&& a", 1, "a value is missing before `&&`"),
    ] {
        let error = Expression::parse(text).unwrap_err();
        assert_eq!((error.at, error.what.as_str()), (at, what), "{text}");
    }
    assert!(Expression::parse(&"(".repeat(4000)).unwrap_err().what.contains("within each other"));
    assert!(Expression::parse(&"!".repeat(4000)).unwrap_err().what.contains("within each other"));
    assert!(Expression::parse(&"a".repeat(5000)).unwrap_err().what.contains("4096 characters"));
}

#[test]
fn names_are_known_before() {
    let expression =
        Expression::parse("steps.count.outputs.rows > params.n && item.name != '' && size(params) > 1");
    let names = expression.unwrap().names();
    let wanted = [("item", Some("name")), ("params", None), ("params", Some("n")), ("steps", Some("count"))];
    let wanted: Vec<_> =
        wanted.iter().map(|(one, two)| ((*one).to_owned(), two.map(str::to_owned))).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn templates_keep_types_and_make_texts() {
    for (given, wanted) in [
        (json!("${params.n}"), json!(3)),
        (json!("n is ${params.n}, tags ${params.tags}"), json!("n is 3, tags [\"a\",\"b\"]")),
        (json!({"a": ["${item.name}", 1], "b": "plain"}), json!({"a": ["x", 1], "b": "plain"})),
        (json!("$${params.n}"), json!("${params.n}")),
        (json!("${'}'}!"), json!("}!")),
        (json!(7), json!(7)),
    ] {
        assert_eq!(Template::parse(&given).unwrap().value(&names()).unwrap(), wanted, "{given}");
    }
    assert_eq!(Template::parse(&json!("a ${b")).unwrap_err().what, "`${` has no `}`");
    assert!(Template::parse(&json!("${}")).is_err());
    assert_eq!(Template::parse(&json!(["${steps.a.x}"])).unwrap().names().len(), 1);
}
