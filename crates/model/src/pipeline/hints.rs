//! What a folder's code and files show that works otherwise than it seems to: no mistakes, but worth a word.

use super::document::SpecFormat;
use super::entry::FolderFacts;
use super::mistake::Mistake;
use super::spec::{Entry, PipelineSpec};
use crate::Target;
use crate::place::Position;

/// Where containers have the code.
const IN_CONTAINERS: &str = "/app";
/// Files that say which packages are needed, each where it is read the stronger first.
const PROJECT: [&str; 2] = ["pyproject.toml", "uv.lock"];
const REQUIREMENTS: [&str; 2] = ["requirements.txt.lock", "requirements.txt"];

/// Looks at a pipeline beside its spec; `code` is the text of its script or notebook.
#[must_use]
pub fn hints(
    spec: &PipelineSpec,
    format: Option<SpecFormat>,
    folder: &FolderFacts,
    code: Option<&str>,
) -> Vec<Mistake> {
    let file = match &spec.entry {
        Entry::Script { file } | Entry::Notebook { file } => file,
        Entry::Command { .. } | Entry::Image { .. } | Entry::Flow | Entry::Approval { .. } => {
            return Vec::new();
        }
    };
    let on_machine = spec.target.as_ref().is_none_or(|target| *target == Target::PROCESS)
        && spec.container.image.is_none();
    let code = code.unwrap_or_default();
    let paths = code.lines().position(names_container).filter(|_| on_machine);
    let paths = paths.map(|line| container_path(file, line + 1));
    let unread = unread_requirements(format, folder, file, has_block(spec, code));
    let left = left_behind(code).map(|(line, name)| left_in_folder(file, line, name));
    paths.into_iter().chain(left).chain(unread).chain(for_pip(spec)).collect()
}

/// Calls that write a file, and whether it is one that is read again another time.
const WRITERS: [(&str, bool); 9] = [
    ("open(", false),
    ("sqlite3.connect(", true),
    ("shelve.open(", true),
    (".to_csv(", false),
    (".to_parquet(", false),
    (".to_json(", false),
    (".to_excel(", false),
    (".to_pickle(", false),
    (".savefig(", false),
];

/// The first line that writes a file of the run's own folder which somebody may look for afterwards: a result in code that
/// knows no other place for results, or a file that is appended to or read as well.
fn left_behind(code: &str) -> Option<(usize, &str)> {
    let knows_outputs = code.contains("RIGI_OUTPUTS");
    let lines = || code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
    let read: Vec<&str> = lines().flat_map(|(_, line)| opened(line)).filter_map(Opened::read).collect();
    lines().find_map(|(number, line)| {
        let mut found = opened(line).filter(|file| file.written);
        let left = found.find(|file| file.lasts || !knows_outputs || read.contains(&file.name))?;
        Some((number + 1, left.name))
    })
}

/// A file of the folder that a line opens, by a name that stands there.
struct Opened<'a> {
    name: &'a str,
    written: bool,
    lasts: bool,
}

impl<'a> Opened<'a> {
    fn read(self) -> Option<&'a str> {
        (!self.written).then_some(self.name)
    }
}

fn opened(line: &str) -> impl Iterator<Item = Opened<'_>> {
    WRITERS.iter().filter_map(move |(call, lasts)| {
        let at = line.find(call)?;
        // `reopen(` is none of them.
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        if call.starts_with(char::is_alphabetic) && line[..at].ends_with(is_word) {
            return None;
        }
        let (name, rest) = quoted(&line[at + call.len()..])?;
        let elsewhere =
            name.is_empty() || name.starts_with(['/', '~', '$', '\\']) || name.contains([':', '{']);
        if elsewhere || name.starts_with("..") {
            return None;
        }
        let mode = rest.trim_start().strip_prefix(',').map(str::trim_start);
        let mode = mode.and_then(|rest| quoted(rest.strip_prefix("mode=").unwrap_or(rest)));
        let (written, appended) = match mode {
            _ if *call != "open(" => (true, *lasts),
            Some((mode, _)) => (mode.contains(['w', 'a', 'x', '+']), mode.contains(['a', '+'])),
            None => (false, false),
        };
        Some(Opened { name, written, lasts: appended })
    })
}

/// A text in quotes at the beginning, also as notebooks have it, and what comes behind it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    ["\\\"", "\"", "'"].into_iter().find_map(|quote| text.strip_prefix(quote)?.split_once(quote))
}

fn left_in_folder(file: &str, line: usize, name: &str) -> Mistake {
    let message = format!(
        "{file}:{line} writes `{name}` into the run's own folder, which goes when the run has ended: no later run finds it"
    );
    Mistake::new(Position::START, message).with_cure(
        "Write results to $RIGI_OUTPUTS, where they are kept; what later runs are to find, to a place outside that a variable names.",
    )
}

/// Whether a line of code names a path below `/app`, in quotes.
fn names_container(line: &str) -> bool {
    line.match_indices(IN_CONTAINERS).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let behind = line[at + IN_CONTAINERS.len()..].chars().next();
        matches!(before, Some('"' | '\'')) && matches!(behind, Some('/' | '"' | '\'' | '\\'))
    })
}

fn container_path(file: &str, line: usize) -> Mistake {
    let message = format!(
        "{file}:{line} names a path below `/app`, which is there in containers only: as a process, a run has its copy of the folder as its current directory"
    );
    Mistake::new(Position::START, message).with_cure(
        "Use paths relative to the folder; what is to last after the run is written to $RIGI_OUTPUTS. Or set `target: container`.",
    )
}

/// Whether a script says itself which packages it needs.
fn has_block(spec: &PipelineSpec, code: &str) -> bool {
    matches!(spec.entry, Entry::Script { .. }) && code.lines().any(|line| line.trim_end() == "# /// script")
}

/// Files that say which packages are needed, and are not read since another one counts.
fn unread_requirements(
    format: Option<SpecFormat>,
    folder: &FolderFacts,
    file: &str,
    block: bool,
) -> Option<Mistake> {
    let project = PROJECT.iter().all(|name| folder.has(name));
    let listed = REQUIREMENTS.into_iter().find(|name| folder.has(name));
    let own = block.then(|| format!("the block `# /// script` of {file}"));
    let (counts, unread, cure) = if format == Some(SpecFormat::Json) {
        let unread = own.or_else(|| project.then(|| "`uv.lock`".to_owned()))?;
        let counts = listed.map_or_else(
            || "beside a spec in JSON, as in Fast-Flow, only `requirements.txt` says which packages are needed".to_owned(),
            |name| format!("`{name}` says which packages are needed, as in Fast-Flow"),
        );
        (counts, unread, "Write them into `requirements.txt`, or the spec into `pipeline.yaml`.")
    } else {
        let counts = own.or_else(|| project.then(|| "`uv.lock`".to_owned()))?;
        let unread = match listed {
            Some(name) => format!("`{name}`"),
            None if block && project => "`uv.lock`".to_owned(),
            None => return None,
        };
        (format!("{counts} says which packages are needed"), unread, "Keep one of them.")
    };
    Some(Mistake::new(Position::START, format!("{counts}; {unread} is not read")).with_cure(cure))
}

/// Variables that speak to pip, which does not install here.
fn for_pip(spec: &PipelineSpec) -> Option<Mistake> {
    let known = [("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), ("PIP_EXTRA_INDEX_URL", "UV_INDEX")];
    let (name, other) = known.into_iter().find(|(name, _)| spec.env.contains_key(*name))?;
    let message = format!("`{name}` in `env` says nothing to `uv`, which installs the packages");
    Some(Mistake::new(Position::START, message).with_cure(format!("Name the index in `{other}`.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(format: Option<SpecFormat>, files: &[&str], code: &str) -> Vec<String> {
        let spec = PipelineSpec::of(Entry::Script { file: "main.py".into() });
        let folder = FolderFacts::new("p", files.iter().copied());
        hints(&spec, format, &folder, Some(code)).into_iter().map(|hint| hint.message).collect()
    }

    #[test]
    fn paths_of_containers_are_seen_where_runs_are_processes() {
        for line in
            ["open('/app/x.csv')", "p = Path(\"/app\")", "\"open(\\\"/app/x\\\")\\n\",", "f'/app/{x}'"]
        {
            let told = told(None, &[], &format!("import os\n{line}\n"));
            assert!(told.len() == 1 && told[0].starts_with("main.py:2 names"), "{line}: {told:?}");
        }
        for line in ["open('/application/x')", "# /app/x", "open('data/app/x')", "url = 'http://x/app/y'"] {
            assert_eq!(told(None, &[], line), [""; 0], "{line}");
        }
        let spec = PipelineSpec {
            target: Target::parse("container"),
            ..PipelineSpec::of(Entry::Script { file: "main.py".into() })
        };
        assert_eq!(hints(&spec, None, &FolderFacts::new("p", [""; 0]), Some("open('/app/x')")), []);
    }

    #[test]
    fn what_is_left_in_the_folder_is_named() {
        let none = "import os\n";
        for (code, line, name) in [
            ("open('state.json', 'w')", 1, "state.json"),
            ("x = 1\nwith open(\"log/seen.txt\", \"a\") as f:", 2, "log/seen.txt"),
            ("frame.to_csv('result.csv', index=False)", 1, "result.csv"),
            ("\"plt.savefig(\\\"a.png\\\")\\n\",", 1, "a.png"),
            ("db = sqlite3.connect('seen.db')  # RIGI_OUTPUTS", 1, "seen.db"),
            ("out = os.environ['RIGI_OUTPUTS']\nx = open('s')\nopen('s', mode='wb')", 3, "s"),
        ] {
            let told = told(None, &[], &format!("{none}{code}\n"));
            let words = format!("main.py:{} writes `{name}` into", line + 1);
            assert!(told.len() == 1 && told[0].starts_with(&words), "{code}: {told:?}");
        }
        for code in [
            "open('data.csv')",
            "open('data.csv', encoding='utf-8')",
            "open('/tmp/x', 'w')",
            "open(f'{out}/x', 'w')",
            "open(path, 'w')",
            "# open('x', 'w')",
            "reopen('x', 'w')",
            "out = os.environ['RIGI_OUTPUTS']\nopen('scratch.txt', 'w')",
            "sqlite3.connect(':memory:')",
        ] {
            assert_eq!(told(None, &[], code), [""; 0], "{code}");
        }
    }

    #[test]
    fn what_is_not_read_is_named() {
        let (json, yaml) = (Some(SpecFormat::Json), Some(SpecFormat::Yaml));
        let (block, uv, listed) =
            ("# /// script\n# ///\n", ["pyproject.toml", "uv.lock"], ["requirements.txt"]);
        let both = [uv.as_slice(), &listed].concat();
        assert_eq!(
            told(yaml, &both, ""),
            ["`uv.lock` says which packages are needed; `requirements.txt` is not read"]
        );
        assert_eq!(
            told(None, &both, block),
            [
                "the block `# /// script` of main.py says which packages are needed; `requirements.txt` is not read"
            ]
        );
        assert_eq!(
            told(json, &both, ""),
            ["`requirements.txt` says which packages are needed, as in Fast-Flow; `uv.lock` is not read"]
        );
        assert!(told(json, &[], block)[0].ends_with("the block `# /// script` of main.py is not read"));
        for (format, files, code) in [
            (yaml, &uv[..], ""),
            (json, &listed[..], ""),
            (None, &[][..], block),
            (yaml, &["pyproject.toml", "requirements.txt"][..], ""),
        ] {
            assert_eq!(told(format, files, code), [""; 0]);
        }
    }

    #[test]
    fn what_is_said_to_pip_is_not_heard() {
        let mut spec = PipelineSpec::of(Entry::Script { file: "main.py".into() });
        spec.env.insert("PIP_INDEX_URL".into(), "https://x".into());
        let told = hints(&spec, None, &FolderFacts::new("p", [""; 0]), None);
        assert_eq!(told[0].cure.as_deref(), Some("Name the index in `UV_DEFAULT_INDEX`."));
    }
}
