use super::*;
use crate::log::Encoder;

/// What is quoted of a log; lines of stdout begin with `> `, and `@5 ` says that it is five seconds later.
fn quote(log: &str) -> Option<String> {
    let mut words = LastWords::default();
    let mut at = Timestamp(1_000_000);
    for (number, mut text) in (1..).zip(log.lines()) {
        if let Some((seconds, rest)) = text.strip_prefix('@').and_then(|text| text.split_once(' ')) {
            at.0 += seconds.parse::<i64>().unwrap() * 1_000_000;
            text = rest;
        }
        let (stream, text) = match text.strip_prefix("> ") {
            Some(text) => (Stream::Stdout, text),
            None => (Stream::Stderr, text),
        };
        words.hear(&Line { number, at, stream, text: text.as_bytes(), ending: Ending::Newline });
    }
    words.quote()
}

#[track_caller]
fn check(log: &str, expected: &str) {
    assert_eq!(quote(log).unwrap_or_default(), expected, "{log}");
}

const TRACEBACK: &str =
    "Traceback (most recent call last):\n  File \"main.py\", line 3, in <module>\n    f()\n    ~^^\n";

#[test]
fn a_traceback_of_python_ends_with_its_exception() {
    check(&format!("loading\n{TRACEBACK}ValueError: no rows in 2. table"), "ValueError: no rows in 2. table");
    check(&format!("{TRACEBACK}package.module.Broken: x"), "package.module.Broken: x");
    check(&format!("{TRACEBACK}__main__.f.<locals>.Änderung: x"), "__main__.f.<locals>.Änderung: x");
    check(&format!("{TRACEBACK}KeyError: 'a: b'"), "KeyError: 'a: b'");
    check(&format!("{TRACEBACK}AssertionError"), "AssertionError");
    check(&format!("{TRACEBACK}Stop"), "Stop");
    check(&format!("{TRACEBACK}KeyboardInterrupt\n"), "KeyboardInterrupt");
    check(&format!("{TRACEBACK}OSError: \n"), "OSError:");
    check(&format!("{TRACEBACK}OSError: \n\n  first words: x\nmore"), "OSError: first words: x");
    // Its first line, and nothing that comes behind it.
    check(
        &format!("{TRACEBACK}RuntimeError: first\nsecond\n\nValueError: quoted\n  third"),
        "RuntimeError: first",
    );
    check(
        &format!("{TRACEBACK}pydantic.ValidationError: 1 error for X\na\n  b [type=c]"),
        "pydantic.ValidationError: 1 error for X",
    );
    let pages: String = (0..45).map(|n| format!("note {n}\n")).collect();
    check(&format!("{TRACEBACK}E: x\n{pages}"), "E: x");
    check(
        &format!("{TRACEBACK}ValueError: x\nmain.py:3: ResourceWarning: unclosed\nwandb: done"),
        "ValueError: x",
    );
    // The last of a chain.
    let chain = "\nDuring handling of the above exception, another exception occurred:\n\n";
    check(&format!("{TRACEBACK}KeyError: 'a'\n{chain}{TRACEBACK}ValueError: b"), "ValueError: b");
    let cause = "\nThe above exception was the direct cause of the following exception:\n\n";
    check(&format!("{TRACEBACK}A: 1\n{cause}{TRACEBACK}B: 2"), "B: 2");
    // With a mark before each line, and with the words of a log before the first.
    let marked = format!("{TRACEBACK}ValueError: x").replace('\n', "\n[rank0]: ");
    check(&format!("[rank0]: {marked}\n[rank1]: bye"), "ValueError: x");
    check(&format!("ERROR:root:{TRACEBACK}ValueError: x"), "ValueError: x");
    // Others write in between.
    check(&TRACEBACK.replace("    f()", "thread 2 is here\n    f()"), "thread 2 is here");
    check(
        &format!("{}ValueError: x", TRACEBACK.replace("    f()", "thread 2 is here\n    f()")),
        "ValueError: x",
    );
}

#[test]
fn what_python_cannot_read_is_said_as_well() {
    check(
        "  File \"main.py\", line 1\n    x = = 1\n        ^\nSyntaxError: invalid syntax",
        "SyntaxError: invalid syntax",
    );
    let file = "  File \"other.py\", line 1\n    x = = 1\n        ^\n";
    check(
        &format!("{TRACEBACK}{file}IndentationError: unexpected indent"),
        "IndentationError: unexpected indent",
    );
    check(
        "/usr/bin/python3: can't open file '/app/mian.py': [Errno 2] No such file or directory",
        "/usr/bin/python3: can't open file '/app/mian.py': [Errno 2] No such file or directory",
    );
    check(
        "usage: main.py [-h]\n               year\nmain.py: error: missing: year",
        "main.py: error: missing: year",
    );
    check("giving up", "giving up");
}

#[test]
fn a_group_is_said_by_its_own_line() {
    let group = "  + Exception Group Traceback (most recent call last):
  |   File \"main.py\", line 1, in <module>
  |     raise ExceptionGroup(\"two went wrong\", [ValueError(1), TypeError(2)])
  | ExceptionGroup: two went wrong (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File \"main.py\", line 2, in f
    | ValueError: 1
    +---------------- 2 ----------------
    | TypeError: 2
    +------------------------------------";
    check(group, "ExceptionGroup: two went wrong (2 sub-exceptions)");
    check(&format!("{group}\n\n{TRACEBACK}ValueError: later"), "ValueError: later");
}

#[test]
fn a_traceback_that_ended_nothing_is_passed_over() {
    check(
        &format!("{TRACEBACK}ValueError: x\nException ignored in: <f>\n{TRACEBACK}OSError: y"),
        "ValueError: x",
    );
    check(&format!("--- Logging error ---\n{TRACEBACK}TypeError: y\nno more"), "no more");
    check(&format!("Exception ignored in: <f>\nready\n{TRACEBACK}OSError: y"), "OSError: y");
    // The program went on, and said something else at its end.
    let lines: String = (0..51).map(|n| format!("step {n}\n")).collect();
    check(&format!("{TRACEBACK}ValueError: x\n{lines}the table is empty"), "the table is empty");
    check(&format!("{TRACEBACK}ValueError: x\n@61 the table is empty"), "the table is empty");
    assert_eq!(quote(&format!("{TRACEBACK}ValueError: x\n@61 > done")), None);
    check(&format!("{TRACEBACK}ValueError: x\n@59 > done"), "ValueError: x");
}

#[test]
fn other_languages_end_in_their_own_way() {
    check(
        "/app/main.js:1\nthrow new TypeError(\"x\")\n^\n\nTypeError: x\n    at f (/app/main.js:1:7)\n    at node:internal:1\n\nNode.js v22.1.0",
        "TypeError: x",
    );
    check(
        "Error: Cannot find module 'x'\nRequire stack:\n- /app/main.js\n    at f\n  code: 'M'\n}\n\nNode.js v22.1.0",
        "Error: Cannot find module 'x'",
    );
    check("TypeError [ERR_X]: bad\n    at f (a.js:1:1)", "TypeError [ERR_X]: bad");
    check(
        "thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds: the len is 3\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
        "thread 'main' panicked at src/main.rs:2:5: index out of bounds: the len is 3",
    );
    check(
        "thread 'main' panicked at 'boom', src/main.rs:2:5\nstack backtrace:\n   0: f",
        "thread 'main' panicked at 'boom', src/main.rs:2:5",
    );
    check("Error: no such file\n\nCaused by:\n    0: x", "Error: no such file");
    check("Error in f(1) : no rows\nCalls: g -> f\nExecution halted", "Error in f(1) : no rows");
    check(
        "Error in readRDS(\"a long name\") : \n  cannot open the connection\nIn addition: Warning message:\nExecution halted",
        "Error in readRDS(\"a long name\") : cannot open the connection",
    );
    check("Error in `f()`:\n! no rows\nBacktrace:\n 1. f()\nExecution halted", "Error in `f()`: no rows");
    check("Error: no rows\nExecution halted", "Error: no rows");
    check(
        "ERROR: LoadError: no rows\nStacktrace:\n [1] error(s::String)\nin expression starting at /app/main.jl:1",
        "ERROR: LoadError: no rows",
    );
    check(
        "panic: no rows\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:5 +0x1d\nexit status 2",
        "panic: no rows",
    );
    check(
        "Exception in thread \"main\" java.lang.IllegalStateException: no rows\n\tat Main.main(Main.java:3)\nCaused by: java.io.IOException: gone\n\t... 1 more",
        "Exception in thread \"main\" java.lang.IllegalStateException: no rows",
    );
    check(
        "main.rb:1:in 'f': no rows (RuntimeError)\n\tfrom main.rb:3:in '<main>'",
        "main.rb:1:in 'f': no rows (RuntimeError)",
    );
    check("no rows at main.pl line 3.", "no rows at main.pl line 3.");
    check(
        "PHP Fatal error:  Uncaught Exception: no rows in /app/a.php:1\nStack trace:\n#0 {main}\n  thrown in /app/a.php on line 1",
        "PHP Fatal error: Uncaught Exception: no rows in /app/a.php:1",
    );
    check(
        "Unhandled exception. System.Exception: no rows\n   at P.Main()",
        "Unhandled exception. System.Exception: no rows",
    );
    check("main.sh: line 1: nope: command not found", "main.sh: line 1: nope: command not found");
    check("main.c:1:5: error: no rows\nmake: *** [Makefile:2: all] Error 1", "main.c:1:5: error: no rows");
}

#[test]
fn a_notebook_is_quoted_as_it_says_it() {
    let cell = "----------\nValueError                 Traceback (most recent call last)\nCell In[1], line 1\n----> 1 f()\n\nValueError: x\n";
    check(&format!("{cell}Cell 1 of 2 failed: ValueError: x"), "Cell 1 of 2 failed: ValueError: x");
    check(
        &format!("{TRACEBACK}KeyError: 1\n{cell}Cell 1 of 2 failed: ValueError: x (try 2 of 2)"),
        "Cell 1 of 2 failed: ValueError: x (try 2 of 2)",
    );
    check("no more\nCell 1 of 2 ended with exit 3", "Cell 1 of 2 ended with exit 3");
}

#[test]
fn lines_that_nobody_quotes_are_passed_over() {
    assert_eq!(quote(""), None);
    assert_eq!(quote("> all is well\n> Error"), None);
    assert_eq!(
        quote(
            "+ python main.py\n++ date\n100%|####| 5/5\n-----\n12:00 INFO done\n{\"level\": \"info\"}\nlevel=warning x"
        ),
        None
    );
    assert_eq!(quote("INFO:root:done\n[info] done\nWARNING:root:x\na.py:1: UserWarning: x"), None);
    check("no rows\n+ exit 1\nINFO: bye", "no rows");
    check("  no rows\n", "no rows");
    assert_eq!(quote("a.py:1: UserWarning: x\n  warnings.warn('x')"), None);
    check(
        "/app/main.js:1\nthrow \"text\"\n^\ntext\n(Use `node --trace-uncaught ...` to show where)\n\nNode.js v22",
        "text",
    );
    check("  set in\nno rows\n  set in", "no rows");
    check("information: no rows", "information: no rows");
    // What was said a long time before the end is not why it ended.
    assert_eq!(quote("no rows\n@61 > step 2"), None);
}

#[test]
fn stderr_that_was_sent_to_stdout_is_found_there() {
    let sent = format!("{TRACEBACK}ValueError: x").replace('\n', "\n> ");
    check(&format!("> {sent}"), "ValueError: x");
    check(&format!("> {sent}\n> saved"), "ValueError: x");
    check(&format!("> {sent}\nno rows"), "no rows");
}

#[test]
fn a_quote_is_one_harmless_line_of_bounded_length() {
    check("\u{1b}[31mValueError\u{1b}[0m: \u{202e}a\tb\u{7}\u{1b}]0;title\u{7}", "ValueError: a b");
    check(
        &TRACEBACK
            .replace("Traceback", "\u{1b}[1mTraceback")
            .replace("last):", "last):\u{1b}[0m")
            .replace("    f()", "    \u{1b}[31mf()\u{1b}[0m\n\u{1b}[35mA.B\u{1b}[0m: c"),
        "A.B: c",
    );
    let long = quote(&format!("{TRACEBACK}ValueError: {}", "ä".repeat(5000))).unwrap();
    assert_eq!((long.chars().count(), long.ends_with('ä')), (518, true));
    check(" 5 %\r50 %\rno rows\r", "no rows");
}

#[test]
fn pieces_of_a_long_line_are_one_line_and_text_of_any_kind_is_heard() {
    let mut encoder = Encoder::new(1);
    let long = [b"no rows: \xff".as_slice(), &vec![b'x'; 40_000], b"\nValueError: "].concat();
    encoder.write(Timestamp(1), Stream::Stderr, &long);
    encoder.write(Timestamp(2), Stream::Stdout, b"out\n");
    encoder.write(Timestamp(2), Stream::Stderr, &[b'y'; 40_000]);
    encoder.end(Timestamp(3), Stream::Stderr);
    let mut bytes = Vec::new();
    encoder.take(&mut bytes);
    let mut words = LastWords::default();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let header = crate::log::BlockHeader::parse(rest).unwrap();
        let (body, after) = rest[crate::log::HEADER_LEN..].split_at(header.stored_len as usize);
        for line in crate::log::decode_lines(&header, body).unwrap() {
            words.hear(&line);
        }
        rest = after;
    }
    assert_eq!(words.stderr.lines, 2);
    assert!(words.quote().unwrap().starts_with("ValueError: yyy"));
    assert!(words.stderr.recent[0].text.starts_with(b"no rows: \xffxx"));
}

proptest::proptest! {
    #[test]
    fn whatever_is_written_is_heard_in_little_room(lines in proptest::collection::vec(
        (proptest::bool::ANY, "(Traceback \\(most recent call last\\):|  \\| |Error in |\\PC{0,30}|\r|\u{1b}\\[3){0,4}"), 0..80,
    )) {
        let mut words = LastWords::default();
        for (number, (is_err, text)) in (1..).zip(&lines) {
            let stream = if *is_err { Stream::Stderr } else { Stream::Stdout };
            words.hear(&Line { number, at: Timestamp(1), stream, text: text.as_bytes(), ending: Ending::Newline });
        }
        proptest::prop_assert!(words.stderr.recent.len() <= RECENT);
        if let Some(quote) = words.quote() {
            proptest::prop_assert!(!quote.is_empty() && quote.chars().count() <= LOOKED_AT);
            proptest::prop_assert!(!quote.contains(crate::text::steers));
        }
    }
}
