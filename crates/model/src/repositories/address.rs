//! Addresses of repositories: what `git` is given is one of a few plain shapes, and holds no secret and no option.

use crate::state::text_enum;

/// Bytes of an address at most.
const LONGEST: usize = 1000;

text_enum! {
    /// How a repository is reached.
    Scheme {
        /// Over TLS.
        Https = "https",
        /// Over SSH.
        Ssh = "ssh",
        /// In clear.
        Http = "http",
        /// On this machine.
        File = "file",
    }
}

text_enum! {
    /// Whose pages a repository has.
    Forge {
        /// GitHub, and what is like it.
        GitHub = "github",
        /// GitLab.
        GitLab = "gitlab",
        /// Gitea and Forgejo.
        Gitea = "gitea",
        /// Bitbucket.
        Bitbucket = "bitbucket",
    }
}

/// An address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// How it is reached.
    pub scheme: Scheme,
    /// As whom, over SSH.
    pub user: Option<String>,
    /// The machine, without brackets; empty for a file.
    pub host: String,
    /// Where it listens, if that is said.
    pub port: Option<u16>,
    /// On it, beginning with a slash unless it is one below somebody's home.
    pub path: String,
    text: String,
}

impl Address {
    /// Reads `https://host/path`, `ssh://user@host:port/path` or `user@host:path`.
    ///
    /// # Errors
    /// In words; what may be a password is not repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("an address has up to {LONGEST} letters, digits and signs, and no spaces"));
        }
        if text.contains(['?', '#', '\\', '"', '\'', '`']) {
            return Err("an address has no `?`, `#`, quotes and backslashes".to_owned());
        }
        let taken = match text.split_once("://") {
            Some((scheme, rest)) => Self::of_url(scheme, rest, text)?,
            None => Self::of_short(text)?,
        };
        let parts: Vec<&str> = taken.path.split('/').collect();
        if taken.path.trim_matches('/').is_empty() {
            return Err("the address names no repository behind its host".to_owned());
        }
        if parts.iter().any(|part| part.starts_with('-') || *part == "..") {
            return Err("no part of the path begins with `-` or is `..`".to_owned());
        }
        Ok(taken)
    }

    fn of_url(scheme: &str, rest: &str, text: &str) -> Result<Self, String> {
        let scheme = Scheme::parse(scheme)
            .ok_or("an address begins with `https://` or `ssh://`, or is `user@host:path`")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if scheme == Scheme::File {
            if !authority.is_empty() {
                return Err("a file's address begins with three slashes".to_owned());
            }
            return Ok(Self::new(scheme, None, (String::new(), None), path, text));
        }
        let (user, at) = match authority.rsplit_once('@') {
            Some((user, at)) => (Some(user), at),
            None => (None, authority),
        };
        if scheme != Scheme::Ssh && user.is_some() {
            return Err("a name or token is no part of an address: give the token beside it".to_owned());
        }
        let user = user.map(check_user).transpose()?;
        let (host, port) = match at.strip_prefix('[').and_then(|at| at.split_once(']')) {
            Some((host, rest)) => {
                (host, rest.strip_prefix(':').or(if rest.is_empty() { None } else { Some("x") }))
            }
            None => match at.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (at, None),
            },
        };
        let port = port.map(|port| port.parse::<u16>().map_err(|_| "the port is no number up to 65535"));
        let port = port.transpose()?;
        Ok(Self::new(scheme, user, (check_host(host)?, port), path, text))
    }

    fn of_short(text: &str) -> Result<Self, String> {
        let shape = || "an address begins with `https://` or `ssh://`, or is `user@host:path`".to_owned();
        let (at, path) = text.split_once(':').ok_or_else(shape)?;
        // `helper::address` starts a program of that name.
        if path.starts_with(':') {
            return Err(shape());
        }
        let (user, host) = at.split_once('@').ok_or_else(shape)?;
        let user = Some(check_user(user)?);
        Ok(Self::new(Scheme::Ssh, user, (check_host(host)?, None), path, text))
    }

    fn new(
        scheme: Scheme,
        user: Option<String>,
        (host, port): (String, Option<u16>),
        path: &str,
        text: &str,
    ) -> Self {
        Self { scheme, user, host, port, path: path.to_owned(), text: text.to_owned() }
    }

    /// As `git` takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the host listens.
    #[must_use]
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(match self.scheme {
            Scheme::Https => 443,
            Scheme::Ssh => 22,
            Scheme::Http => 80,
            Scheme::File => 0,
        })
    }

    /// The host and its port, as configurations of `git` and files of host keys name them.
    #[must_use]
    pub fn known_as(&self) -> String {
        match self.port.filter(|port| *port != 22) {
            Some(port) => format!("[{}]:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// Its page.
    #[must_use]
    pub fn page(&self) -> Option<String> {
        let path = self.path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.scheme, self.port) {
            (Scheme::File, _) => None,
            // Where SSH listens says nothing of where the page is.
            (Scheme::Ssh, _) | (Scheme::Https, None) => Some(format!("https://{host}/{path}")),
            (Scheme::Https, Some(port)) => Some(format!("https://{host}:{port}/{path}")),
            (Scheme::Http, None) => Some(format!("http://{host}/{path}")),
            (Scheme::Http, Some(port)) => Some(format!("http://{host}:{port}/{path}")),
        }
    }

    /// The page of a commit.
    #[must_use]
    pub fn commit_page(&self, forge: Option<Forge>, commit: &str) -> Option<String> {
        let guess = || match &self.host {
            host if host.contains("gitlab") => Forge::GitLab,
            host if host.contains("bitbucket") => Forge::Bitbucket,
            host if host.contains("gitea") || host == "codeberg.org" => Forge::Gitea,
            _ => Forge::GitHub,
        };
        let way = match forge.unwrap_or_else(guess) {
            Forge::GitHub | Forge::Gitea => "commit",
            Forge::GitLab => "-/commit",
            Forge::Bitbucket => "commits",
        };
        self.page().map(|page| format!("{page}/{way}/{commit}"))
    }
}

fn check_user(user: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if user.is_empty() || user.starts_with('-') || user.len() > 64 || !user.bytes().all(plain) {
        return Err("the user before `@` is a plain name, and no password goes with it".to_owned());
    }
    Ok(user.to_owned())
}

fn check_host(host: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
    if host.is_empty() || host.starts_with(['-', '.']) || host.len() > 253 || !host.bytes().all(plain) {
        return Err("the address has no host that could be one".to_owned());
    }
    Ok(host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_shapes_are_read() {
        let of = |text: &str| {
            Address::parse(text).map(|a| (a.scheme, a.user.clone(), a.host.clone(), a.port, a.path))
        };
        let git = Some("git".to_owned());
        assert_eq!(
            of("https://GitHub.com/lab/tools.git"),
            Ok((Scheme::Https, None, "github.com".into(), None, "/lab/tools.git".into()))
        );
        assert_eq!(
            of("ssh://git@h:2222/srv/x"),
            Ok((Scheme::Ssh, git.clone(), "h".into(), Some(2222), "/srv/x".into()))
        );
        assert_eq!(
            of("git@h.org:lab/x.git"),
            Ok((Scheme::Ssh, git, "h.org".into(), None, "lab/x.git".into()))
        );
        assert_eq!(of("file:///srv/x"), Ok((Scheme::File, None, String::new(), None, "/srv/x".into())));
        assert_eq!(of("http://[::1]:80/x"), Ok((Scheme::Http, None, "::1".into(), Some(80), "/x".into())));
    }

    #[test]
    fn what_is_no_address_or_more_than_one_is_refused() {
        for bad in [
            "",
            "https://",
            "https://h",
            "https://h/",
            "https://user:secret@h/x",
            "https://token@h/x",
            "https://h/x?private_token=1",
            "https://h/x#y",
            "https://h:99999/x",
            "https://-h/x",
            "https://h /x",
            "https://h/x\r\nHost: y",
            "ext::sh -c touch /tmp/x",
            "ext::x",
            "git@h::x",
            "--upload-pack=touch",
            "-oProxyCommand=x@h:x",
            "ssh://-oProxyCommand=touch@h/x",
            "ssh://git@-oProxyCommand=x/y",
            "ssh://git:pass@h/y",
            "ssh://h/-x",
            "https://h/../x",
            "file://h/x",
            "ftp://h/x",
            "/srv/x",
            "../x",
            "h:x",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
        let said = Address::parse("https://user:secret@h/x").err().unwrap_or_default();
        assert!(!said.contains("secret"), "{said}");
    }

    #[test]
    fn commits_have_pages_as_forges_have_them() {
        let of = |text: &str, forge| Address::parse(text).ok().and_then(|a| a.commit_page(forge, "abc"));
        let page = |text: &str| of(text, None).unwrap_or_default();
        assert_eq!(page("git@github.com:lab/x.git"), "https://github.com/lab/x/commit/abc");
        assert_eq!(page("https://gitlab.org/a/b/x.git"), "https://gitlab.org/a/b/x/-/commit/abc");
        assert_eq!(page("https://bitbucket.org/lab/x"), "https://bitbucket.org/lab/x/commits/abc");
        assert_eq!(page("ssh://git@codeberg.org:22/lab/x"), "https://codeberg.org/lab/x/commit/abc");
        assert_eq!(of("https://h/x", Some(Forge::GitLab)).as_deref(), Some("https://h/x/-/commit/abc"));
        assert_eq!(of("file:///srv/x", None), None);
    }
}
