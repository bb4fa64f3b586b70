//! What in a pipeline's folder is no part of its code: what tools keep for themselves and can make anew.

/// Folders that are left out wherever they lie: histories, environments and caches.
const FOLDERS: &[&str] = &[
    ".git",
    ".hg",
    ".svn",
    ".rigi",
    ".venv",
    "venv",
    NODE_MODULES,
    "__pycache__",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".nox",
];

/// Nobody makes it anew where a run needs it: it is left out with a word.
pub(super) const NODE_MODULES: &str = "node_modules";

/// A file or folder of this name says that its folder is an environment of Python, or of Conda, under whatever name.
const ENVIRONMENT: &[&str] = &["pyvenv.cfg", "conda-meta"];

/// Whether a file or folder is left out by its name.
pub(crate) fn by_name(name: &[u8]) -> bool {
    let text = std::str::from_utf8(name).unwrap_or_default();
    FOLDERS.contains(&text) || is_scratch(text)
}

/// What editors and desktops put beside what is worked on: locks, swap files, settings of a window.
fn is_scratch(name: &str) -> bool {
    let swap = name.starts_with('.') && [".swp", ".swo", ".swx"].iter().any(|end| name.ends_with(end));
    swap || name.starts_with(".#") || name.ends_with(".pyc") || name == ".DS_Store"
}

/// Whether a folder that holds this is an environment.
pub(crate) fn marks_environment(name: &[u8]) -> bool {
    ENVIRONMENT.iter().any(|mark| mark.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_files_are_told_from_code() {
        for out in ["__pycache__", ".git", "a.pyc", ".#main.py", ".main.py.swp", "node_modules", ".DS_Store"]
        {
            assert!(by_name(out.as_bytes()), "{out}");
        }
        for kept in ["main.py", ".env", ".gitignore", "#main.py", "swp", "x.swp", "env", "pyvenv.cfg", ""] {
            assert!(!by_name(kept.as_bytes()), "{kept}");
        }
        assert!(marks_environment(b"pyvenv.cfg") && !marks_environment(b"setup.cfg"));
    }
}
