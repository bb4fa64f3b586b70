//! Which variables reach a build, which of them its environment follows from, and which must not be shown.
//!
//! A build runs what packages bring, so that it sees little of the server's variables, as a run does. What is left out
//! is also what breaks builds: `PYTHONHOME`, `PYTHONPATH`, `VIRTUAL_ENV` and the like, and those of uv's own variables
//! that say what Rigi decides.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rigi_model::hash::hex;
use sha2::{Digest, Sha256};

use crate::allowed::{inherited, listed};

pub type Variables = BTreeMap<String, String>;

/// Of the server's, beside those that runs see too.
const OF_SERVER: &[&str] = &[
    "UV_*",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSL_*",
    "GIT_CONFIG_*",
    "GIT_PROXY_*",
    "PYENV_ROOT",
    "PYENV_VERSION",
];
/// What is the server's own account's, and of no use to another one.
const OF_ACCOUNT: &[&str] =
    &["HOME", "USER", "LOGNAME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "NETRC", "SSH_AUTH_SOCK"];
/// What decides how packages are compiled.
const COMPILERS: &[&str] = &[
    "CC",
    "CXX",
    "FC",
    "CFLAGS",
    "CXXFLAGS",
    "CPPFLAGS",
    "FFLAGS",
    "LDFLAGS",
    "ARCHFLAGS",
    "MAKEFLAGS",
    "CPATH",
    "LIBRARY_PATH",
    "PKG_CONFIG_PATH",
    "CMAKE_*",
    "SETUPTOOLS_*",
];
/// Never passed on: they say where things lie and what is done, which Rigi decides, or change which code Python loads.
const REFUSED: &[&str] = &[
    "PYTHON*",
    "__PYVENV_LAUNCHER__",
    "VIRTUAL_ENV*",
    "CONDA_*",
    "PIP_*",
    "RIGI_*",
    "UV_PROJECT*",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_BREAK_SYSTEM_PACKAGES",
    "UV_TARGET",
    "UV_PREFIX",
    "UV_WORKING_DIR*",
    "UV_ENV_FILE",
    "UV_NO_ENV_FILE",
    "UV_NO_SYNC",
    "UV_FROZEN",
    "UV_LOCKED",
    "UV_ISOLATED",
    "UV_VENV_*",
    "UV_TOOL_*",
    "UV_RUN_*",
    "UV_DEV",
    "UV_NO_DEV",
    "UV_NO_EDITABLE*",
    "UV_EDITABLE",
    "UV_DRY_RUN",
    "UV_QUIET",
    "UV_VERBOSE",
    "UV_LOG_*",
    "UV_OUTPUT_FORMAT",
    "UV_PUBLISH_*",
    "UV_INTERNAL_*",
    "UV_NO_CONFIG",
    "UV_COMPILE_BYTECODE",
    "UV_REQUIRE_HASHES",
];
/// A pipeline does not say where the server's tools keep things.
const NOT_OF_PIPELINES: &[&str] =
    &["UV_CACHE_DIR", "UV_NO_CACHE", "UV_PYTHON_*", "UV_CREDENTIALS_DIR", "UV_CONFIG_FILE"];
/// They change how packages come, not which.
const NEUTRAL: &[&str] = &[
    "UV_CACHE_DIR",
    "UV_NO_CACHE",
    "UV_PYTHON_*",
    "UV_PYPY_*",
    "UV_CREDENTIALS_DIR",
    "UV_HTTP_*",
    "UV_REQUEST_*",
    "UV_UPLOAD_*",
    "UV_CONCURRENT_*",
    "UV_LINK_MODE",
    "UV_NO_PROGRESS",
    "UV_OFFLINE",
    "UV_NATIVE_TLS",
    "UV_SYSTEM_CERTS",
    "UV_INSECURE_HOST",
    "UV_LOCK_TIMEOUT",
    "UV_KEYRING_PROVIDER",
    "UV_STACK_SIZE",
    "UV_GIT_LFS",
    "UV_SKIP_*",
    "UV_PREVIEW*",
    "UV_NO_WRAP",
    "UV_CONFIG_FILE",
];
/// Several names for one thing: a pipeline's takes the place of each that the server has.
const SAME: [[&str; 2]; 2] = [["UV_DEFAULT_INDEX", "UV_INDEX_URL"], ["UV_INDEX", "UV_EXTRA_INDEX_URL"]];
/// Their values are files or folders, relative to the pipeline's.
const PATHS: &[&str] = &[
    "UV_CONSTRAINT",
    "UV_OVERRIDE",
    "UV_EXCLUDE",
    "UV_BUILD_CONSTRAINT",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
];
/// A shorter value is no secret, and would be found everywhere.
const SHORTEST_SECRET: usize = 6;

/// The server's variables that reach its builds; `apart`: those of another account.
pub fn of_server(
    server: impl Iterator<Item = (String, String)>,
    allow: &[String],
    user: Option<u32>,
) -> Variables {
    let own = if user.is_some() { &[] } else { OF_ACCOUNT };
    let named = [OF_SERVER, COMPILERS, own].concat().into_iter().map(str::to_owned);
    let allow: Vec<String> = named.chain(allow.iter().cloned()).collect();
    let mut kept = inherited(server, &allow);
    kept.retain(|name, value| !(listed(name, REFUSED) || name.starts_with("UV_") && value.is_empty()));
    kept
}

/// What pip needs of the server's where uv itself is installed by it.
pub fn of_pip(server: impl Iterator<Item = (String, String)>) -> Variables {
    const TAKEN: &[&str] = &[
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_NO_INDEX",
        "PIP_FIND_LINKS",
        "PIP_TRUSTED_HOST",
        "PIP_CERT",
        "PIP_CLIENT_CERT",
        "PIP_PROXY",
        "PIP_DEFAULT_TIMEOUT",
        "PIP_RETRIES",
        "PIP_CONFIG_FILE",
    ];
    server.filter(|(name, _)| listed(name, TAKEN)).collect()
}

/// What a pipeline's own variables say to its build: those that say something to uv or a compiler, and those that its
/// requirements name. Others are its code's own affair: no package that is installed sees them.
pub fn of_pipeline(env: &Variables, names: &BTreeSet<String>) -> Variables {
    let taken = |name: &str| {
        let said =
            name.starts_with("UV_") || listed(name, OF_SERVER) || listed(name, COMPILERS) || is_way(name);
        names.contains(name) || (said && !listed(name, REFUSED) && !listed(name, NOT_OF_PIPELINES))
    };
    let sound = |value: &str| !value.contains('\0');
    let kept = env.iter().filter(|(name, value)| taken(name) && sound(value) && !name.contains(['=', '\0']));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Proxies and certificates.
fn is_way(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.ends_with("_PROXY") || listed(&name, &["SSL_CERT_*", "NETRC"])
}

/// All that a build sees.
pub fn together(server: &Variables, pipeline: &Variables) -> Variables {
    let mut all = server.clone();
    for group in SAME {
        if group.iter().any(|name| pipeline.contains_key(*name)) {
            group.iter().for_each(|name| _ = all.remove(*name));
        }
    }
    all.extend(pipeline.iter().map(|(name, value)| (name.clone(), value.clone())));
    all
}

/// Whether a value of the pipeline's names files of its folder.
pub fn reaches_folder(pipeline: &Variables) -> bool {
    let inside =
        |value: &str| value.split_whitespace().any(|part| !part.contains("://") && !part.starts_with('/'));
    pipeline.iter().any(|(name, value)| listed(name, PATHS) && inside(value))
}

/// What an environment follows from, of all that its build sees.
pub fn mattering<'a>(
    all: &'a Variables,
    names: &'a BTreeSet<String>,
) -> impl Iterator<Item = (&'a String, &'a String)> {
    let matters = |name: &str| {
        names.contains(name) || (name.starts_with("UV_") && !listed(name, NEUTRAL)) || listed(name, COMPILERS)
    };
    all.iter().filter(move |(name, _)| matters(name))
}

/// Files in which the people of this machine have said something to uv.
pub fn settings_files(server: &Variables) -> Vec<PathBuf> {
    if let Some(file) = server.get("UV_CONFIG_FILE") {
        return vec![PathBuf::from(file)];
    }
    let of_home = || server.get("HOME").map(|home| Path::new(home).join(".config"));
    let own = server.get("XDG_CONFIG_HOME").map(PathBuf::from).or_else(of_home);
    let all = ["/etc/xdg", "/etc"].map(PathBuf::from);
    own.into_iter().chain(all).map(|folder| folder.join("uv/uv.toml")).collect()
}

/// Tells the values of two runs apart without keeping them.
pub fn fingerprint(variables: &Variables) -> String {
    if variables.is_empty() {
        return String::new();
    }
    let mut digest = Sha256::new();
    for part in variables.iter().flat_map(|(name, value)| [name, value]) {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    hex(&digest.finalize())
}

/// The same text without secrets: values that the requirements name stand as they are named, and no address has its
/// password.
pub fn hide(text: &str, pipeline: &Variables, names: &BTreeSet<String>) -> String {
    let secret = |name: &str| {
        names.contains(name) || ["PASSWORD", "TOKEN", "USERNAME"].iter().any(|end| name.ends_with(end))
    };
    let mut secrets: Vec<_> =
        pipeline.iter().filter(|(name, value)| secret(name) && value.len() >= SHORTEST_SECRET).collect();
    // A longer one may hold a shorter one.
    secrets.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    let named = secrets
        .into_iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(value.as_str(), &format!("${{{name}}}")));
    without_credentials(&named)
}

/// Addresses without who signs in and by which password.
pub fn without_credentials(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, behind) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = behind.find(|c: char| c == '/' || c.is_whitespace() || matches!(c, '"' | '\'' | '`'));
        let host = &behind[..end.unwrap_or(behind.len())];
        rest = match host.rfind('@') {
            // The account of a git server is no secret.
            Some(at) if &host[..at] != "git" => {
                shown.push_str("****@");
                &behind[at + 1..]
            }
            _ => behind,
        };
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(list: &[(&str, &str)]) -> Variables {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_build_sees_no_more_of_the_server_than_it_needs() {
        let server = [
            ("PYTHONHOME", "/x"),
            ("PYTHONPATH", "/x"),
            ("PYTHONSTARTUP", "/x"),
            ("VIRTUAL_ENV", "/x"),
            ("CONDA_PREFIX", "/x"),
            ("PIP_TARGET", "/x"),
            ("RIGI_DATABASE__URL", "secret"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("UV_PYTHON", "3.8"),
            ("UV_PROJECT_ENVIRONMENT", "/x"),
            ("UV_INDEX_URL", ""),
            ("UV_DEFAULT_INDEX", "https://i"),
            ("HOME", "/home/x"),
            ("CC", "clang"),
        ];
        let given = || server.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let names: Vec<_> = of_server(given(), &["*".into()], None).into_keys().collect();
        let expected = ["AWS_SECRET_ACCESS_KEY", "CC", "HOME", "PATH", "UV_DEFAULT_INDEX"];
        assert_eq!(names, expected);
        let names: Vec<_> = of_server(given(), &[], Some(1000)).into_keys().collect();
        assert_eq!(names, ["CC", "PATH", "UV_DEFAULT_INDEX"]);
    }

    #[test]
    fn a_pipeline_says_where_packages_come_from_and_all_else_is_its_codes() {
        let env = variables(&[
            ("HOST", "h"),
            ("DATABASE_PASSWORD", "secret"),
            ("UV_INDEX_URL", "https://mine"),
            ("UV_CACHE_DIR", "/x"),
            ("UV_PROJECT_ENVIRONMENT", "/x"),
            ("PYTHONPATH", "lib"),
            ("HTTPS_PROXY", "http://p"),
        ]);
        let pipeline = of_pipeline(&env, &names(&["HOST"]));
        assert_eq!(pipeline.keys().collect::<Vec<_>>(), ["HOST", "HTTPS_PROXY", "UV_INDEX_URL"]);
        let server =
            variables(&[("UV_DEFAULT_INDEX", "https://server"), ("UV_HTTP_TIMEOUT", "9"), ("HOST", "s")]);
        let all = together(&server, &pipeline);
        assert_eq!(all.get("UV_DEFAULT_INDEX"), None);
        let named = names(&["HOST"]);
        let matter: Vec<_> = mattering(&all, &named).collect();
        assert_eq!(matter, [(&"HOST".into(), &"h".into()), (&"UV_INDEX_URL".into(), &"https://mine".into())]);
        assert!(reaches_folder(&variables(&[("UV_CONSTRAINT", "c.txt")])));
        assert!(!reaches_folder(&variables(&[
            ("UV_CONSTRAINT", "/opt/c.txt"),
            ("UV_INDEX", "https://a b=https://c")
        ])));
    }

    #[test]
    fn secrets_stand_as_they_are_named() {
        let pipeline = variables(&[
            ("TOKEN", "abcdef123"),
            ("LONG", "abcdef1234"),
            ("A", "1"),
            ("UV_INDEX_X_PASSWORD", "hunter2"),
        ]);
        let text =
            "http://h/abcdef1234/abcdef123 1 hunter2 https://joe:pw@h/x git+ssh://git@h/y 'https://t@h'";
        assert_eq!(
            hide(text, &pipeline, &names(&["TOKEN", "LONG", "A"])),
            "http://h/${LONG}/${TOKEN} 1 ${UV_INDEX_X_PASSWORD} https://****@h/x git+ssh://git@h/y 'https://****@h'"
        );
        assert_ne!(fingerprint(&pipeline), fingerprint(&variables(&[("TOKEN", "other")])));
        assert_eq!(fingerprint(&Variables::new()), "");
    }
}
