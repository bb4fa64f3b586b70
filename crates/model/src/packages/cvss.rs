//! How bad an advisory is, by its CVSS vector (version 3, https://www.first.org/cvss/v3.1/specification-document).

use super::Severity;

/// The severity that a base score stands for.
pub(super) fn of_score(score: f64) -> Option<Severity> {
    match score {
        s if !s.is_finite() || !(0.1..=10.0).contains(&s) => None,
        s if s < 4.0 => Some(Severity::Low),
        s if s < 7.0 => Some(Severity::Medium),
        s if s < 9.0 => Some(Severity::High),
        _ => Some(Severity::Critical),
    }
}

/// The base score of a vector of version 3; `None`: it is none.
pub(super) fn score(vector: &str) -> Option<f64> {
    let rest = vector.strip_prefix("CVSS:3.0/").or_else(|| vector.strip_prefix("CVSS:3.1/"))?;
    let metric = |name: &str| {
        rest.split('/').find_map(|part| part.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default()
    };
    let changed = match metric("S") {
        "C" => true,
        "U" => false,
        _ => return None,
    };
    let vector = match metric("AV") {
        "N" => 0.85,
        "A" => 0.62,
        "L" => 0.55,
        "P" => 0.2,
        _ => return None,
    };
    let complexity = match metric("AC") {
        "L" => 0.77,
        "H" => 0.44,
        _ => return None,
    };
    let rights = match (metric("PR"), changed) {
        ("N", _) => 0.85,
        ("L", false) => 0.62,
        ("L", true) => 0.68,
        ("H", false) => 0.27,
        ("H", true) => 0.5,
        _ => return None,
    };
    let people = match metric("UI") {
        "N" => 0.85,
        "R" => 0.62,
        _ => return None,
    };
    let impact_of = |name| match metric(name) {
        "H" => Some(0.56),
        "L" => Some(0.22),
        "N" => Some(0.0),
        _ => None,
    };
    let lost = 1.0 - (1.0 - impact_of("C")?) * (1.0 - impact_of("I")?) * (1.0 - impact_of("A")?);
    let impact =
        if changed { 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02_f64).powi(15) } else { 6.42 * lost };
    if impact <= 0.0 {
        return Some(0.0);
    }
    let ease = 8.22 * vector * complexity * rights * people;
    let whole = if changed { 1.08 * (impact + ease) } else { impact + ease };
    Some(round_up(whole.min(10.0)))
}

/// To a tenth, upwards, as the specification does it (appendix A).
fn round_up(score: f64) -> f64 {
    let whole = (score * 100_000.0).round();
    if whole % 10_000.0 == 0.0 { whole / 100_000.0 } else { ((whole / 10_000.0).floor() + 1.0) / 10.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_specification() {
        // Examples of the specification's own document.
        for (vector, expected, severity) in [
            ("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4, Severity::Medium),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1, Severity::Low),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, Severity::Critical),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0, Severity::Critical),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5, Severity::High),
        ] {
            let score = score(vector).unwrap();
            assert!((score - expected).abs() < 0.01, "{vector}: {score}");
            assert_eq!(of_score(score), Some(severity));
        }
        for bad in ["", "CVSS:4.0/AV:N", "CVSS:3.1/", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:X/C:H/I:H/A:H", "7.5"] {
            assert_eq!(score(bad), None, "{bad}");
        }
        let harmless = score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N").unwrap();
        assert_eq!(of_score(harmless), None);
        assert_eq!(of_score(f64::NAN), None);
    }
}
