use std::time::Instant;

use proptest::prelude::*;

use super::*;

/// What comes out of pieces that end at these places.
fn through(masks: &Masks, text: &[u8], cuts: &[usize]) -> Vec<u8> {
    let (mut stream, mut out, mut from) = (MaskedStream::default(), Vec::new(), 0);
    for cut in cuts {
        let cut = (*cut).clamp(from, text.len());
        stream.push(masks, &text[from..cut], &mut out);
        from = cut;
    }
    stream.push(masks, &text[from..], &mut out);
    stream.end(masks, &mut out);
    out
}

fn covered(secrets: &[&str], text: &str) -> String {
    Masks::of(secrets).unwrap().cover(text).into_owned()
}

/// By the rule, bit by bit.
fn base64_of(bytes: &[u8], url: bool) -> String {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |n| byte >> n & 1)).collect();
    let letter = |six: u8| match six {
        0..26 => char::from(b'A' + six),
        26..52 => char::from(b'a' + six - 26),
        52..62 => char::from(b'0' + six - 52),
        62 => ['+', '-'][usize::from(url)],
        _ => ['/', '_'][usize::from(url)],
    };
    let six = |bits: &[u8]| (0..6).fold(0, |six, n| six << 1 | bits.get(n).copied().unwrap_or(0));
    let mut out: String = bits.chunks(6).map(|bits| letter(six(bits))).collect();
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    out
}

/// What is found of a secret in a text of each form, by other means than those that made the needles.
fn tells(form: usize, secret: &str, out: &str) -> bool {
    let percent = |space: &str, upper: bool| {
        let one = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            b' ' => space.to_owned(),
            _ if upper => format!("%{byte:02X}"),
            _ => format!("%{byte:02x}"),
        };
        secret.bytes().map(one).collect::<String>()
    };
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let sought = match form {
        0 => secret.to_owned(),
        1 => serde_json::to_string(secret).unwrap().trim_matches('"').to_owned(),
        2 => percent("%20", true),
        3 => percent("+", false),
        4 => hex,
        _ => hex.to_uppercase(),
    };
    out.contains(&sought)
}

fn said(form: usize, secret: &str, before: &str) -> String {
    let percent = |space: &str, upper: bool| {
        let one = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            b' ' => space.to_owned(),
            _ if upper => format!("%{byte:02X}"),
            _ => format!("%{byte:02x}"),
        };
        secret.bytes().map(one).collect::<String>()
    };
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    match form {
        0 => secret.to_owned(),
        1 => serde_json::to_string(secret).unwrap(),
        2 => percent("%20", true),
        3 => percent("+", false),
        4 => hex,
        5 => hex.to_uppercase(),
        _ => base64_of(format!("{before}{secret}:").as_bytes(), form.is_multiple_of(2)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn pieces_come_out_as_the_whole_does_and_tell_nothing(
        secret in "[ -\"$-}äß✓😀~]{6,90}", other in "[a-c]{6,12}",
        form in 0usize..8, before in "[x ]{0,2}", filler in "[a-c\\n✓]{0,40}",
        cuts in prop::collection::vec(0usize..400, 0..12),
    ) {
        let masks = Masks::of(&[&secret, &other]).unwrap();
        let text = format!("{filler}{}\n{filler}{other}{filler}", said(form, &secret, &before));
        let mut cuts = cuts;
        cuts.sort_unstable();
        let whole = masks.cover(&text);
        let out = through(&masks, text.as_bytes(), &cuts);
        prop_assert_eq!(String::from_utf8(out).unwrap(), whole.as_ref());
        prop_assert!(!whole.contains(&other) && whole.contains(COVER));
        if form < 6 {
            prop_assert!(!tells(form, &secret, &whole), "{}", whole);
        } else {
            // At the edges, a character holds bits of a neighbour.
            let line = whole.lines().find(|line| line.contains(COVER)).unwrap_or_default();
            prop_assert!(line.replace(COVER, "").trim_start_matches(&filler).len() < 12 + filler.len(), "{}", whole);
        }
    }
}

#[test]
fn each_form_is_covered() {
    let secret = "pä/ss \"w<rd\"+1";
    for text in [
        "pä/ss \"w<rd\"+1",
        r#"pä/ss \"w<rd\"+1"#,
        r#"p\u00e4/ss \"w<rd\"+1"#,
        r#"p\u00E4/ss \"w<rd\"+1"#,
        r#"pä\/ss \"w<rd\"+1"#,
        r#"pä/ss \"w\u003crd\"+1"#,
        "p%C3%A4%2Fss%20%22w%3Crd%22%2B1",
        "p%c3%a4%2fss%20%22w%3crd%22%2b1",
        "p%C3%A4/ss%20%22w%3Crd%22%2B1",
        "p%C3%A4%2Fss+%22w%3Crd%22%2B1",
        "70c3a42f7373202277 3c726422 2b31".replace(' ', "").as_str(),
        "70C3A42F73732022773C7264222B31",
    ] {
        assert_eq!(covered(&[secret], &format!("a{text}z")), "a***z", "{text}");
    }
    for (before, shown) in [("", "***"), ("u", "dX***"), ("u:", "dTp***")] {
        for url in [true, false] {
            let text = base64_of(format!("{before}{secret}").as_bytes(), url);
            let out = covered(&[secret], &text);
            assert!(
                out.starts_with(&shown[..shown.len().min(2)]) && out.contains(COVER) && out.len() < 9,
                "{out}"
            );
        }
    }
}

#[test]
fn what_lies_over_each_other_is_one() {
    assert_eq!(covered(&["abcdef", "defghi"], "xabcdefghix"), "x***x");
    assert_eq!(covered(&["abcdef", "abcdefghij"], "abcdefghijabcdefgh"), "***gh");
    assert_eq!(covered(&["abcdef"], "abcdefabcdef abcde"), "*** abcde");
    assert!(Masks::of(&["short", ""]).is_none());
}

#[test]
fn lines_are_covered_for_themselves_and_wait_for_nothing() {
    let key = "-----BEGIN KEY-----\nMIIBVgIBADANBgkqhkiG9w0BAQEF\nab==\n-----END KEY-----\n";
    assert_eq!(covered(&[key], "x MIIBVgIBADANBgkqhkiG9w0BAQEF"), "x ***");
    assert_eq!(covered(&[key], &format!("<{key}>")), "<***\n***\n***\n***\n>");
    let masks = Masks::of(&["token-1\n", "second line\r\nthird line"]).unwrap();
    let (mut stream, mut out) = (MaskedStream::default(), Vec::new());
    stream.push(&masks, b"is token-1\n", &mut out);
    assert_eq!(out, b"is ***\n");
    stream.push(&masks, b"second line\n", &mut out);
    assert_eq!(out, b"is ***\n***\n");
    // What may become one waits, and no more than that.
    stream.push(&masks, b"a tok", &mut out);
    assert_eq!(out, b"is ***\n***\na ");
    stream.push(&masks, b"o", &mut out);
    assert_eq!(out, b"is ***\n***\na toko");
}

#[test]
fn long_values_are_covered_in_part_and_in_lines_of_base64() {
    let secret: String = (0..400).map(|n| char::from(b'A' + (n * 7 % 26) as u8)).collect::<String>() + "é";
    assert_eq!(covered(&[&secret], &format!("<{secret}>")), "<***>");
    let wrapped: Vec<String> = base64_of(secret.as_bytes(), false)
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    for line in &wrapped[..wrapped.len() - 1] {
        assert_eq!(covered(&[&secret], line), "***");
    }
}

#[test]
fn values_are_covered_wherever_they_are() {
    let masks = Masks::of(&["hunter22", "47114711"]).unwrap();
    let mut value = serde_json::json!({"a hunter22": [1, 47_114_711, "x hunter22"], "b": null});
    masks.cover_value(&mut value);
    assert_eq!(value, serde_json::json!({"a ***": [1, "***", "x ***"], "b": null}));
}

#[test]
fn a_million_lines_tell_nothing() {
    let secrets: Vec<String> = (0..5).map(|n| format!("s3cr€t/{n} \"and+more")).collect();
    let masks = Masks::of(&secrets).unwrap();
    let forms: Vec<String> =
        secrets.iter().flat_map(|secret| (0..8).map(move |form| said(form, secret, ""))).collect();
    let (mut stream, mut out) = (MaskedStream::default(), Vec::new());
    let (mut seed, mut piece, mut lines) = (1u32, Vec::new(), 0);
    let check = |out: &mut Vec<u8>| {
        let text = String::from_utf8_lossy(out);
        assert!(forms.iter().all(|form| !text.contains(&**form)) && !text.contains("s3cr"));
        let lines = out.iter().filter(|byte| **byte == b'\n').count();
        out.clear();
        lines
    };
    for n in 0..1_000_000 {
        piece.extend_from_slice(b"line ");
        piece.extend_from_slice(forms[n % forms.len()].as_bytes());
        piece.push(b'\n');
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let cut = piece.len() * (seed >> 24) as usize / 256;
        stream.push(&masks, &piece[..cut], &mut out);
        piece.drain(..cut);
        if n % 200_000 == 199_999 {
            stream.push(&masks, &piece, &mut out);
            piece.clear();
            lines += check(&mut out);
        }
    }
    stream.end(&masks, &mut out);
    assert_eq!(lines + check(&mut out), 1_000_000);
}

/// `cargo test --release -p rigi-work -- --ignored --nocapture`
#[test]
#[ignore = "measures"]
fn measure() {
    let secrets: Vec<String> = (0..50)
        .map(|n| format!("sk_live_{:032x}", u128::from(n as u32) * 0x9E37_79B9_7F4A_7C15_F39C))
        .collect();
    let started = Instant::now();
    let masks = Masks::of(&secrets).unwrap();
    println!("50 secrets: {} needles in {:?}", masks.needles.len(), started.elapsed());
    let few = Instant::now();
    let _ = Masks::of(&secrets[..5]);
    println!("5 secrets: {:?}", few.elapsed());
    let line = "2026-11-29T12:00:00Z INFO step=412 loss=0.03125 path=/data/part-0017.parquet rows=18233 ok\n";
    let text = line.repeat(3000);
    for piece in [256, 4096, 65536] {
        let (mut stream, mut out, mut bytes) = (MaskedStream::default(), Vec::new(), 0);
        let started = Instant::now();
        while started.elapsed().as_millis() < 700 {
            for part in text.as_bytes().chunks(piece) {
                stream.push(&masks, part, &mut out);
                out.clear();
            }
            bytes += text.len();
        }
        println!("{piece} bytes a piece: {:.0} MB/s", bytes as f64 / 1e6 / started.elapsed().as_secs_f64());
    }
}
