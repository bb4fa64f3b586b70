use proptest::prelude::*;

use super::*;

const MIB: u64 = 1 << 20;

#[test]
fn memory_is_read_in_every_form_that_people_use() {
    let cases = [
        ("100", 100),
        ("0", 0),
        ("512m", 512 * MIB),
        ("512M", 512 * MIB),
        ("512Mi", 512 * MIB),
        ("512 MiB", 512 * MIB),
        ("512mb", 512 * MIB),
        ("1.5g", 1536 * MIB),
        ("1GB", 1024 * MIB),
        (" 2 GiB ", 2048 * MIB),
        ("1k", 1024),
        (".5k", 512),
    ];
    for (text, bytes) in cases {
        assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
    }
}

#[test]
fn what_is_no_amount_says_why() {
    let said = |text| parse_bytes(text).unwrap_err().to_string();
    assert_eq!(said(""), "it is empty; write an amount such as `512MiB` or `1.5g`");
    assert_eq!(said("-1g"), "`-1g` is negative");
    assert_eq!(said("512x"), "`512x` has the unknown unit `x`; the units are B, KiB, MiB, GiB and TiB");
    assert_eq!(
        said("lots"),
        "`lots` has no number where one must stand; write an amount such as `512MiB` or `1.5g`"
    );
    assert_eq!(said("99999999t"), "`99999999t` is more than 8 EiB");
    assert!(parse_bytes("1e5").is_err() && parse_bytes("1.2.3g").is_err() && parse_bytes("9.9e").is_err());
}

#[test]
fn times_are_read_and_shown() {
    let cases = [
        ("30s", 30_000),
        ("250ms", 250),
        ("5m", 300_000),
        ("1h30m", 5_400_000),
        ("1h 30m", 5_400_000),
        ("1.5h", 5_400_000),
        ("2d", 172_800_000),
        ("2.4 s", 2400),
        ("0", 0),
        ("1w", 604_800_000),
    ];
    for (text, milliseconds) in cases {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
    let said = |text| parse_duration(text).unwrap_err().to_string();
    assert_eq!(said("30"), "`30` has no unit; write a time such as `30s` or `1h30m`");
    assert_eq!(said("5x"), "`5x` has the unknown unit `x`; the units are ms, s, m, h, d and w");
    assert_eq!(said("101000d"), "`101000d` is more than a hundred years");
    let shown = [(0, "0 s"), (41, "41 ms"), (2400, "2.4 s"), (4000, "4 s"), (42_000, "42 s"), (59_700, "1m")];
    for (milliseconds, text) in shown {
        assert_eq!(show_duration(Duration::from_millis(milliseconds)), text);
    }
    for (seconds, text) in [(83, "1m 23s"), (3600, "1h"), (7500, "2h 5m"), (273_600, "3d 4h")] {
        assert_eq!(show_duration(Duration::from_secs(seconds)), text);
    }
}

#[test]
fn amounts_are_rounded_for_people() {
    let shown = [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (48 * 1024, "48 KiB"),
        (312 * MIB, "312 MiB"),
        (MIB - 1, "1 MiB"),
        (1536 * MIB, "1.5 GiB"),
        (u64::MAX, "16 EiB"),
    ];
    for (bytes, text) in shown {
        assert_eq!(show_bytes(bytes), text);
    }
    for (count, text) in [(0, "0"), (999, "999"), (2225, "2,225"), (-1_000_000, "-1,000,000")] {
        assert_eq!(show_count(count), text);
    }
}

#[test]
fn cores_are_read_and_shown() {
    assert_eq!(parse_cpu("2"), Ok(2.0));
    assert_eq!(parse_cpu("500m"), Ok(0.5));
    assert_eq!(parse_cpu("1.5"), Ok(1.5));
    assert!(parse_cpu("0").is_err() && parse_cpu("-1").is_err() && parse_cpu("2GB").is_err());
    assert_eq!(show_cpu(1.0), "1 core");
    assert_eq!(show_cpu(0.5), "0.5 cores");
}

proptest! {
    #[test]
    fn exact_amounts_read_back(bytes in 0..i64::MAX.unsigned_abs()) {
        prop_assert_eq!(parse_bytes(&write_bytes(bytes)), Ok(bytes));
    }

    #[test]
    fn exact_times_read_back(seconds in 0..3_000_000_000_u64, nanoseconds in 0..1_000_000_000_u32) {
        let duration = Duration::new(seconds, nanoseconds);
        prop_assert_eq!(parse_duration(&write_duration(duration)), Ok(duration));
    }

    #[test]
    fn shown_amounts_read_back_nearly(bytes in 0..1_u64 << 49) {
        let read = parse_bytes(&show_bytes(bytes)).unwrap();
        prop_assert!(read.abs_diff(bytes) as f64 <= bytes as f64 * 0.06 + 1.0, "{} {}", bytes, read);
    }

    #[test]
    fn shown_times_read_back_nearly(milliseconds in 1..1_000_000_000_u64) {
        let read = parse_duration(&show_duration(Duration::from_millis(milliseconds))).unwrap();
        let off = (read.as_millis() as f64 - milliseconds as f64).abs();
        prop_assert!(off <= milliseconds as f64 * 0.06, "{} {:?}", milliseconds, read);
    }

    #[test]
    fn no_text_panics(text in "\\PC*", digits in "[0-9.]{0,30}[a-zµ ]{0,4}[0-9.]{0,30}[a-z]{0,3}") {
        for text in [text.as_str(), digits.as_str()] {
            let _ = (parse_bytes(text), parse_duration(text), parse_cpu(text));
        }
    }
}

#[test]
fn places_are_said_as_people_say_them() {
    let said: Vec<_> = [1, 2, 3, 4, 11, 12, 13, 21, 112].map(ordinal).into();
    assert_eq!(said, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"]);
}
