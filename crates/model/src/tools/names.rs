//! Names of a tool as names of Rigi: parameters become environment variables, files lie in folders of their names.

use std::collections::BTreeSet;

use crate::parameters::{is_reserved, steers_programs};

/// The longest name of a parameter or an input.
const LONGEST: usize = 128;

/// Gives each path a name of its own.
#[derive(Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// `["algorithm", "signal_to_noise"]` as `algorithm__signal_to_noise`, a variable's name.
    pub fn variable(&mut self, path: &[String]) -> String {
        let mut name = cleaned(&path.join("__"), |c| c.is_ascii_alphanumeric() || c == '_');
        if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
            name.insert(0, '_');
        }
        // Declared, it would decide which programs and libraries the run loads.
        if is_reserved(&name) || steers_programs(&name) {
            name.insert_str(0, "tool_");
        }
        self.free(name)
    }

    /// `["spectra", "in"]` as `spectra.in`, a folder's name.
    pub fn port(&mut self, path: &[String]) -> String {
        let name = cleaned(&path.join("."), |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        let name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        self.free(if name.is_empty() { "file".to_owned() } else { name.to_owned() })
    }

    fn free(&mut self, name: String) -> String {
        let mut free: String = name.chars().take(LONGEST).collect();
        for number in 2.. {
            if self.taken.insert(free.to_lowercase()) {
                break;
            }
            let end = format!("_{number}");
            free = name.chars().take(LONGEST - end.len()).collect::<String>() + &end;
        }
        free
    }
}

fn cleaned(text: &str, fits: impl Fn(char) -> bool) -> String {
    text.chars().map(|c| if fits(c) { c } else { '_' }).collect()
}

/// The name of a pipeline that runs a tool, made of the tool's.
pub(super) fn folder_name(tool: &str) -> String {
    let name = cleaned(tool, |c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | ' '));
    let name = name.trim_matches(|c: char| !c.is_alphanumeric()).replace("..", ".");
    let short: String = name.chars().take(60).collect();
    if short.is_empty() { "tool".to_owned() } else { short }
}
