//! The block of metadata in a script (PEP 723, "inline script metadata").

use serde::Deserialize;

/// What it says that matters here.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub struct Metadata {
    /// Such as `>=3.11`.
    #[serde(rename = "requires-python")]
    pub requires_python: Option<String>,
    /// Requirements.
    #[serde(default)]
    pub dependencies: Vec<String>,
    /// What it says to tools.
    pub tool: Option<toml::Table>,
    /// The block as it stands.
    #[serde(skip)]
    pub block: String,
}

/// Finds the block of type `script`; `None` if there is none.
///
/// # Errors
/// If there is more than one, or it is not TOML of this form: in words.
pub fn read(source: &str) -> Result<Option<Metadata>, String> {
    let mut blocks = Vec::new();
    let mut open: Option<Vec<&str>> = None;
    for line in source.lines() {
        let line = line.trim_end();
        match &mut open {
            None if line == "# /// script" => open = Some(Vec::new()),
            None => {}
            Some(lines) => {
                if line == "# ///" {
                    blocks.extend(open.take());
                } else if let Some(text) = line.strip_prefix("# ").or_else(|| line.strip_prefix('#')) {
                    lines.push(text);
                } else {
                    // Not closed: then it is no block.
                    open = None;
                }
            }
        }
    }
    match &blocks[..] {
        [] => Ok(None),
        [lines] => {
            let read: Result<Metadata, _> = toml::from_str(&lines.join("\n"));
            let block = lines.iter().map(|line| format!("# {line}\n")).collect::<String>();
            let block = format!("# /// script\n{block}# ///\n");
            read.map(|read| Some(Metadata { block, ..read })).map_err(|error| error.message().to_owned())
        }
        _ => Err("there are two blocks `# /// script`; one is allowed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_block_and_only_a_whole_one() {
        let source = "import x\n# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n#   \"rich<14\",\n# ]\n# ///\n";
        let metadata = read(source).unwrap().unwrap();
        assert_eq!(metadata.requires_python.as_deref(), Some(">=3.11"));
        assert_eq!(metadata.dependencies, ["rich<14"]);
        assert_eq!(read(&metadata.block).unwrap().unwrap(), metadata);
        assert_eq!(read("# /// script\n# dependencies = []\nprint()\n"), Ok(None));
        assert!(read("# /// script\n# dependencies = 1\n# ///\n").is_err());
        assert!(read("# /// script\n# ///\n\n# /// script\n# ///\n").is_err());
    }
}
