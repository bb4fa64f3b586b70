use super::*;

fn said(format: SpecFormat, bytes: &[u8]) -> Vec<String> {
    read_document(format, bytes).mistakes.iter().map(ToString::to_string).collect()
}

fn value(format: SpecFormat, text: &str) -> Value {
    let document = read_document(format, text.as_bytes());
    assert_eq!(document.mistakes, [], "{text}");
    document.root.unwrap().to_value()
}

const ALL: [SpecFormat; 3] = [SpecFormat::Yaml, SpecFormat::Toml, SpecFormat::Json];

#[test]
fn the_three_formats_say_the_same() {
    let expected = serde_json::json!({
        "timeout": 30, "cpu": 0.5, "on": true, "tags": ["a", "b"], "env": {"A": "x"}, "list": [{"id": "n"}],
    });
    let yaml = "timeout: 30\ncpu: 0.5\non: true\ntags: [a, 'b']\nenv:\n  A: x\nlist:\n- id: n\n";
    let toml = "timeout = 30\ncpu = 0.5\non = true\ntags = ['a', \"b\"]\nenv.A = 'x'\n[[list]]\nid = 'n'\n";
    assert_eq!(value(SpecFormat::Yaml, yaml), expected);
    assert_eq!(value(SpecFormat::Toml, toml), expected);
    assert_eq!(value(SpecFormat::Json, &expected.to_string()), expected);
}

#[test]
fn what_is_not_utf_8_or_too_large_is_refused() {
    for format in ALL {
        let said_bytes = said(format, b"a\n\xc3\xa4: \xff");
        assert_eq!(
            said_bytes,
            ["2:4  the spec is not UTF-8: byte 0xff cannot stand here (Save the file as UTF-8.)"]
        );
        assert!(said(format, &[0xff, 0xfe, b'a', 0])[0].contains("UTF-16"));
        let large = vec![b' '; 50_000_000];
        let expected = "1:1  the spec has 48 MiB and may have at most 1 MiB (Keep data in files beside it.)";
        assert_eq!(said(format, &large), [expected]);
        assert_eq!(said(format, b"a\0"), ["1:2  a NUL byte; a spec is text (Remove it.)"]);
    }
    assert!(said(SpecFormat::Json, br#"{"a": "x\u0000"}"#)[0].starts_with("1:7  a NUL character"));
    assert!(said(SpecFormat::Yaml, br#"a: "x\0""#)[0].starts_with("1:4  a NUL character"));
    assert!(said(SpecFormat::Toml, br#"a = "x\u0000""#)[0].starts_with("1:5  a NUL character"));
}

#[test]
fn nesting_has_an_end() {
    let deep = "lists and maps lie more than 64 deep within one another (Make it flatter.)";
    let brackets = "[".repeat(500_000);
    assert_eq!(said(SpecFormat::Json, brackets.as_bytes()), [format!("1:65  {deep}")]);
    assert_eq!(said(SpecFormat::Yaml, brackets.as_bytes()), [format!("1:256  {deep}")]);
    assert_eq!(said(SpecFormat::Yaml, &brackets.as_bytes()[..100]), [format!("1:65  {deep}")]);
    assert!(!said(SpecFormat::Toml, format!("a = {brackets}").as_bytes()).is_empty());
    let closed = format!("a = {}{}", "[".repeat(70), "]".repeat(70));
    assert_eq!(said(SpecFormat::Toml, closed.as_bytes()), [format!("1:69  {deep}")]);
    for text in [format!("{}a = 1", "a.".repeat(400_000)), format!("[{}a]", "a .".repeat(300_000))] {
        assert!(said(SpecFormat::Toml, text.as_bytes())[0].contains("deep within"));
    }
    let block = (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>();
    assert_eq!(said(SpecFormat::Yaml, block.as_bytes()), [format!("65:65  {deep}")]);
    for text in ["- ".repeat(300_000), "? ".repeat(300_000), "a: ".repeat(300_000), "&a ".repeat(300_000)] {
        assert!(!said(SpecFormat::Yaml, text.as_bytes()).is_empty());
    }
}

#[test]
fn dots_in_prose_are_no_deep_key() {
    let text = format!("description = \"{}\"", "One word more. And another... (e.g. this) ".repeat(100));
    assert_eq!(said(SpecFormat::Toml, text.as_bytes()), [] as [String; 0]);
}

#[test]
fn the_same_key_twice_is_refused() {
    let twice = "2:1  `a` stands here twice; the first is at 1:1 (Keep one of them.)";
    assert_eq!(said(SpecFormat::Yaml, b"a: 1\na: 2"), [twice]);
    assert_eq!(said(SpecFormat::Yaml, b"\xef\xbb\xbfa: 1\n\"a\": 2"), [twice]);
    // In JSON it depends on what the object is.
    let json = read_document(SpecFormat::Json, b"{\"a\": 1,\n \"a\": 2, \"b\": {\"c\": 1, \"c\": 2}}");
    let repeated: Vec<_> = json.repeated.iter().map(ToString::to_string).collect();
    assert_eq!(repeated.len(), 2, "{repeated:?}");
    assert!(repeated[0].starts_with("2:2  `a` stands here twice; the first is at 1:2"));
    assert_eq!(json.root.unwrap().to_value(), serde_json::json!({"a": 2, "b": {"c": 2}}));
    assert_eq!(said(SpecFormat::Toml, b"a = 1\na = 2"), ["2:1  `a` stands here twice (Keep one of them.)"]);
    assert_eq!(said(SpecFormat::Toml, b"[a]\nb=1\n[a]\nc=2").len(), 1);
}

#[test]
fn aliases_work_and_cannot_explode() {
    let value = value(SpecFormat::Yaml, "a: &x {k: [1, 2]}\nb: *x\n");
    assert_eq!(value["b"], value["a"]);
    let levels = (1..12).map(|level| {
        let list = format!("*a{}, ", level - 1).repeat(10);
        format!(
            "a{level}: &a{level} [{list}]
"
        )
    });
    let bomb: String = std::iter::once(
        "a0: &a0 [x, x, x, x, x]
"
        .to_owned(),
    )
    .chain(levels)
    .collect();
    assert!(said(SpecFormat::Yaml, bomb.as_bytes())[0].contains("aliases of this spec stand for too much"));
    let long = format!("a: &a {}\nb: [{}]", "x".repeat(400_000), "*a, ".repeat(1000));
    assert!(said(SpecFormat::Yaml, long.as_bytes())[0].contains("aliases of this spec stand for too much"));
    let tower = (1..100)
        .fold(String::from("a0: &a0 [x]\n"), |text, n| text + &format!("a{n}: &a{n} [*a{}]\n", n - 1));
    assert!(said(SpecFormat::Yaml, tower.as_bytes())[0].contains("deep within"));
    assert!(said(SpecFormat::Yaml, b"a: &a [*a]")[0].contains("lies within"));
    assert!(!said(SpecFormat::Yaml, b"a: *b").is_empty());
}

#[test]
fn yaml_scalars_follow_the_core_schema() {
    let text =
        "[on, yes, True, ~, 0x1F, 0o17, 012, 1e3, .5, +7, 1_000, 12:30, 2026-01-01, !!str 5, '5', 0.1.2]";
    let expected = serde_json::json!([
        "on",
        "yes",
        true,
        null,
        31,
        15,
        12,
        1000.0,
        0.5,
        7,
        "1_000",
        "12:30",
        "2026-01-01",
        "5",
        "5",
        "0.1.2",
    ]);
    assert_eq!(value(SpecFormat::Yaml, text), expected);
    assert_eq!(said(SpecFormat::Yaml, b"a: .inf"), ["1:4  `.inf` is not a finite number"]);
    assert_eq!(said(SpecFormat::Yaml, b"a: !!int x"), ["1:4  `x` is not what `!!int` says"]);
    assert!(
        said(SpecFormat::Yaml, b"a: !secret x")[0].contains("the tag `!secret` has no meaning in a spec")
    );
    assert!(said(SpecFormat::Yaml, b"<<: 1")[0].contains("`<<` does not merge"));
    assert!(said(SpecFormat::Yaml, b"? [a]\n: 1")[0].contains("cannot be a key"));
    assert!(said(SpecFormat::Yaml, b"a: 1\n---\nb: 2")[0].starts_with("2:1  a second document begins here"));
    assert!(said(SpecFormat::Toml, b"a = inf")[0].contains("is not a finite number"));
}

#[test]
fn numbers_keep_how_they_were_written() {
    for (format, text) in
        [(SpecFormat::Yaml, "v: 3.10"), (SpecFormat::Toml, "v = 3.10"), (SpecFormat::Json, r#"{"v": 3.10}"#)]
    {
        let root = read_document(format, text.as_bytes()).root.unwrap();
        assert_eq!(root.member("v").unwrap().node.describe(), "the number 3.10");
    }
}

#[test]
fn syntax_errors_are_located() {
    let cases: [(SpecFormat, &str, &str); 9] = [
        (SpecFormat::Yaml, "a: [1, 2\nb: 3", "2:"),
        (SpecFormat::Yaml, "a: b: c", "1:"),
        (SpecFormat::Yaml, "ä: 'x", "1:"),
        (SpecFormat::Yaml, "a: [b,\n  c:", "2:"),
        (SpecFormat::Toml, "a = 1\nb = = 2\n", "2:5  this is not TOML"),
        (SpecFormat::Toml, "a = [1, 2", "1:"),
        (SpecFormat::Json, "{\"ä\": 1,}", "1:8  this is not JSON: trailing commas are not allowed"),
        (SpecFormat::Json, "{\"a\": 1} // no", "1:10  this is not JSON"),
        (SpecFormat::Json, "", "1:1  the file is empty"),
    ];
    for (format, text, start) in cases {
        let said = said(format, text.as_bytes());
        assert!(said.first().is_some_and(|first| first.starts_with(start)), "{text}: {said:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, text in "[a-c\\[\\]{}:,\"'.=#&*!?|> \n\t0-9-]{0,200}") {
        for format in ALL {
            let _ = (read_document(format, &bytes), read_document(format, text.as_bytes()));
        }
    }
}
