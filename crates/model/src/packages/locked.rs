//! Packages as the files of a pipeline name them: for one whose environment is not at hand.

use toml::{Table, Value};

use super::{MOST_PACKAGES, Package, clean_text};

/// What files name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// The packages.
    pub packages: Vec<Package>,
    /// Why there may be more than these, as a sentence's end; `None`: these are all.
    pub incomplete: Option<String>,
    /// Other files that are included.
    pub included: Vec<String>,
}

/// What `uv.lock` names: what may be installed on any machine, with all groups.
///
/// # Errors
/// If it is none.
pub fn of_uv_lock(text: &str) -> Result<Listed, String> {
    let lock: Table = toml::from_str(text).map_err(|error| clean_text(error.message(), 200))?;
    let all = lock.get("package").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut listed = Listed::default();
    for one in all {
        let name = one.get("name").and_then(Value::as_str).unwrap_or_default();
        let source = one.get("source").and_then(Value::as_table);
        let of = |key: &str| source.and_then(|source| source.get(key)).and_then(Value::as_str);
        // The project itself is no package of others.
        if name.is_empty() || [of("virtual"), of("editable")].contains(&Some(".")) {
            continue;
        }
        let place = ["editable", "virtual", "directory", "path", "git", "url"].iter().find_map(|key| of(key));
        listed.packages.push(match (place, one.get("version").and_then(Value::as_str)) {
            (Some(place), _) => Package::unchecked(name, &from(place)),
            (None, Some(version)) => Package::pinned(name, version),
            (None, None) => Package::unchecked(name, "the lock names no version of it"),
        });
    }
    Ok(listed.bounded())
}

/// What a requirements file names. Only one whose packages all have a hash is sure to name all of them.
#[must_use]
pub fn of_requirements(text: &str) -> Listed {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut listed = Listed::default();
    let mut hashed = true;
    for line in joined.lines() {
        let line = line.trim();
        let line = line.split(" #").next().unwrap_or(line).trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(file) = behind(line, &["--requirement", "-r"]) {
            listed.included.push(file.to_owned());
        } else if let Some(target) = behind(line, &["--editable", "-e"]) {
            listed.packages.push(Package::unchecked(target_name(target), &from(target)));
        } else if !line.starts_with('-') {
            hashed &= line.contains("--hash");
            listed.packages.push(requirement(line));
        }
    }
    if !hashed {
        listed.incomplete = Some("what the packages bring along is known once they are installed".to_owned());
    }
    listed.bounded()
}

impl Listed {
    /// One file's words after another's.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.packages.extend(other.packages);
        self.included.extend(other.included);
        self.incomplete = self.incomplete.or(other.incomplete);
        self.bounded()
    }

    fn bounded(mut self) -> Self {
        self.packages.sort();
        self.packages.dedup();
        if self.packages.len() > MOST_PACKAGES {
            self.packages.truncate(MOST_PACKAGES);
            self.incomplete = Some(format!("there are more than {MOST_PACKAGES} packages"));
        }
        self
    }
}

fn behind<'a>(line: &'a str, options: &[&str]) -> Option<&'a str> {
    let rest = options.iter().find_map(|option| {
        let rest = line.strip_prefix(option)?;
        (rest.starts_with([' ', '\t', '=']) || !option.starts_with("--")).then_some(rest)
    })?;
    let given = rest.trim_start_matches([' ', '\t', '=']).trim();
    (!given.is_empty()).then_some(given)
}

/// Where something is installed from, without what signs in there.
fn from(place: &str) -> String {
    let shown = match (place.find("://"), place.find('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}{}", &place[..scheme + 3], &place[at + 1..]),
        _ => place.to_owned(),
    };
    format!("is installed from {}", clean_text(&shown, 100))
}

/// A name for what has none of its own.
fn target_name(target: &str) -> &str {
    let egg = target.split_once("#egg=").map(|(_, egg)| egg.split('&').next().unwrap_or(egg));
    let path =
        target.split(['#', '?', '@', '[', ';']).next().unwrap_or(target).trim().trim_end_matches(['/', '.']);
    egg.unwrap_or_else(|| match path.rsplit('/').next().unwrap_or(path) {
        "" => "the pipeline itself",
        last => last,
    })
}

fn requirement(line: &str) -> Package {
    let spec = line.split([';']).next().unwrap_or(line);
    let spec = spec.split(" --").next().unwrap_or(spec).trim();
    let end = spec.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(spec.len());
    let (name, rest) = spec.split_at(end);
    let rest = rest.trim_start();
    let rest = if rest.starts_with('[') {
        rest.split_once(']').map_or("", |(_, rest)| rest).trim_start()
    } else {
        rest
    };
    if let Some(target) = rest.strip_prefix('@') {
        return Package::unchecked(name, &from(target.trim()));
    }
    if name.is_empty()
        || spec.contains('/')
        || [".whl", ".zip", ".tar.gz"].iter().any(|end| spec.ends_with(end))
    {
        return Package::unchecked(target_name(spec), &from(spec));
    }
    let exact = rest.trim_matches(['(', ')']).trim();
    let version = exact.strip_prefix("===").or_else(|| exact.strip_prefix("==")).map(str::trim);
    match version.filter(|version| !version.is_empty() && !version.contains(['*', ',', ' ', '$'])) {
        Some(version) => Package::pinned(name, version),
        None => Package::unchecked(name, "no exact version of it is named"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_name_packages_and_what_is_not_pinned_is_told() {
        let text = "# all\n-r more.txt\n--index-url https://example.org/simple\nRequests[security]==2.19.0 ; python_version > '3'\n\
                    numpy>=1.2 # newest\npandas\nflask==2.*\nzope.interface===5.0\n-e ./own\nlib @ https://u:p@example.org/lib.zip\n\
                    ./wheels/a-1-py3-none-any.whl\n";
        let listed = of_requirements(text);
        assert_eq!(listed.included, ["more.txt"]);
        assert!(listed.incomplete.is_some());
        let told: Vec<String> = listed
            .packages
            .iter()
            .map(|one| {
                format!("{} {}", one.name, one.version.as_deref().or(one.unchecked.as_deref()).unwrap())
            })
            .collect();
        assert_eq!(
            told,
            [
                "a-1-py3-none-any-whl is installed from ./wheels/a-1-py3-none-any.whl",
                "flask no exact version of it is named",
                "lib is installed from https://example.org/lib.zip",
                "numpy no exact version of it is named",
                "own is installed from ./own",
                "pandas no exact version of it is named",
                "requests 2.19.0",
                "zope-interface 5.0",
            ]
        );
        let hashed = of_requirements(
            "a==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nb==2 --hash=sha256:cc\n",
        );
        assert_eq!(hashed.packages, [Package::pinned("a", "1"), Package::pinned("b", "2")]);
        assert_eq!(hashed.incomplete, None);
        assert_eq!(of_requirements(""), Listed::default());
    }

    #[test]
    fn a_lock_of_uv_names_all_but_the_project_itself() {
        let lock = "version = 1\n[[package]]\nname = \"mine\"\nversion = \"0.1\"\nsource = { editable = \".\" }\n\
            [[package]]\nname = \"Requests\"\nversion = \"2.31.0\"\nsource = { registry = \"https://pypi.org/simple\" }\n\
            [[package]]\nname = \"own\"\nversion = \"1\"\nsource = { directory = \"own\" }\n\
            [[package]]\nname = \"tool\"\nversion = \"1\"\nsource = { git = \"https://t0ken@example.org/t.git?rev=1#abc\" }\n";
        let listed = of_uv_lock(lock).unwrap();
        assert_eq!(
            listed.packages,
            [
                Package::unchecked("own", "is installed from own"),
                Package::pinned("requests", "2.31.0"),
                Package::unchecked("tool", "is installed from https://example.org/t.git?rev=1#abc"),
            ]
        );
        assert_eq!(listed.incomplete, None);
        assert!(of_uv_lock("[[package").is_err());
        assert_eq!(of_uv_lock("package = 3").unwrap(), Listed::default());
    }

    #[test]
    fn any_text_is_read_without_a_panic() {
        for text in [
            "\0",
            "==1",
            "@",
            "a@",
            "[x]==1",
            "a[",
            "-e",
            "-e .",
            "-r",
            "é==1",
            "a==",
            "a === ",
            ";",
            "--hash",
            "a==1 --hash",
        ] {
            let _ = (of_requirements(text), of_uv_lock(text));
        }
        let many: String = (0..MOST_PACKAGES + 10).map(|n| format!("p{n}==1\n")).collect();
        let listed = of_requirements(&many);
        assert_eq!(listed.packages.len(), MOST_PACKAGES);
        assert!(listed.incomplete.unwrap().contains("more than"));
    }
}
