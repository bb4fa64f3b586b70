//! Types of settings: how each is read from a file or a variable, and how it is shown.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use rigi_model::quantity;
use rigi_store::StorageUrl;

/// A value before its type is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// From a flag, a variable or a TOML string.
    Text(String),
    /// A TOML integer.
    Integer(i64),
    /// A TOML float.
    Float(f64),
    /// A TOML boolean.
    Bool(bool),
    /// A TOML array of strings.
    List(Vec<String>),
}

impl Raw {
    /// The value as a text, as far as it is one value.
    pub(super) fn text(&self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.trim().to_owned()),
            Self::Integer(number) => Ok(number.to_string()),
            Self::Float(number) => Ok(number.to_string()),
            Self::Bool(value) => Ok(value.to_string()),
            Self::List(_) => Err("is a list where one value must stand".to_owned()),
        }
    }
}

/// What a type of setting can do.
pub trait Value: Sized {
    /// What may be written, for people.
    const KIND: &'static str;
    /// Its value is never shown whole.
    const SECRET: bool = false;

    /// Reads it; the error goes on after the key's name ("is …", "must …").
    ///
    /// # Errors
    /// When it is no such value.
    fn read(raw: &Raw) -> Result<Self, String>;

    /// The value as one would write it; `None` is "none".
    fn show(&self) -> Option<String>;
}

/// `none` where a key may be left without a value.
const NONE: &str = "none";

impl<T: Value> Value for Option<T> {
    const KIND: &'static str = T::KIND;
    const SECRET: bool = T::SECRET;

    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) if text.trim() == NONE => Ok(None),
            _ => T::read(raw).map(Some),
        }
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(Value::show)
    }
}

impl Value for String {
    const KIND: &'static str = "text";

    fn read(raw: &Raw) -> Result<Self, String> {
        raw.text()
    }

    fn show(&self) -> Option<String> {
        Some(self.clone())
    }
}

impl Value for PathBuf {
    const KIND: &'static str = "path";

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        if text.is_empty() { Err("is empty and must be a path".to_owned()) } else { Ok(text.into()) }
    }

    fn show(&self) -> Option<String> {
        Some(self.display().to_string())
    }
}

/// Integers share everything but their size.
macro_rules! whole_number {
    ($($ty:ty, $range:literal;)+) => {$(
        impl Value for $ty {
            const KIND: &'static str = "whole number";

            fn read(raw: &Raw) -> Result<Self, String> {
                let text = raw.text()?;
                let range = || format!("is `{text}` and must be a whole number{}", $range);
                text.replace('_', "").parse().map_err(|_| range())
            }

            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+};
}
whole_number! {
    u16, " from 0 to 65535";
    u32, ", 0 or more";
    u64, ", 0 or more";
}

/// An amount of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl Value for Bytes {
    const KIND: &'static str = "bytes (`512MiB`)";

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        quantity::parse_bytes(&text).map(Self).map_err(|error| format!("is no amount of bytes: {error}"))
    }

    fn show(&self) -> Option<String> {
        Some(quantity::write_bytes(self.0))
    }
}

/// An amount of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

impl Value for Time {
    const KIND: &'static str = "time (`30s`, `1h30m`)";

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        quantity::parse_duration(&text).map(Self).map_err(|error| format!("is no time: {error}"))
    }

    fn show(&self) -> Option<String> {
        Some(quantity::write_duration(self.0))
    }
}

/// Processor cores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cores(pub f64);

impl Value for Cores {
    const KIND: &'static str = "cores (`2`, `0.5`, `500m`)";

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        quantity::parse_cpu(&text).map(Self).map_err(|error| format!("is no number of cores: {error}"))
    }

    fn show(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

/// A share, in proportion to those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight(pub u32);

impl Value for Weight {
    const KIND: &'static str = "whole number from 1 to 1000";

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        let weight = text.parse().ok().filter(|weight| (1..=1000).contains(weight));
        weight.map(Self).ok_or_else(|| format!("is `{text}` and must be a whole number from 1 to 1000"))
    }

    fn show(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

/// Names, of environment variables and others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

impl Value for Names {
    const KIND: &'static str = "list of names";

    fn read(raw: &Raw) -> Result<Self, String> {
        let names: Vec<String> = match raw {
            Raw::List(names) => names.clone(),
            _ => raw.text()?.split(',').map(|name| name.trim().to_owned()).collect(),
        };
        let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
        match names.iter().find(|name| name.contains(['=', '\0', ' '])) {
            Some(name) => Err(format!("holds `{name}`, which is no name")),
            None => Ok(Self(names)),
        }
    }

    fn show(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(","))
    }
}

/// Texts, one by one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines(pub Vec<String>);

impl Value for Lines {
    const KIND: &'static str = "list of texts";

    fn read(raw: &Raw) -> Result<Self, String> {
        let lines = match raw {
            Raw::List(lines) => lines.clone(),
            _ => raw.text()?.split(';').map(str::to_owned).collect(),
        };
        Ok(Self(lines.iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()))
    }

    fn show(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("; "))
    }
}

/// A text that may hold a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Secret {
    /// The text with the password of an address left out; anything that is no address is left out whole.
    #[must_use]
    pub fn masked(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return if self.0.is_empty() { String::new() } else { "***".to_owned() };
        };
        // Passwords can also stand among the options, so that nothing after `?` is shown.
        let (rest, options) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?***"));
        match rest.rsplit_once('@') {
            Some((user, host)) => {
                let user =
                    user.split_once(':').map_or_else(|| user.to_owned(), |(name, _)| format!("{name}:***"));
                format!("{scheme}://{user}@{host}{options}")
            }
            None => format!("{scheme}://{rest}{options}"),
        }
    }
}

impl Value for Secret {
    const KIND: &'static str = "address";
    const SECRET: bool = true;

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        let known = ["postgres://", "postgresql://", "sqlite:"];
        if text.is_empty() || known.iter().any(|scheme| text.starts_with(scheme)) {
            return Ok(Self(text));
        }
        Err("must be empty (SQLite in the data folder) or start with `postgres://`".to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(self.masked())
    }
}

/// Where stored files lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StorageAddress(pub String);

impl Value for StorageAddress {
    const KIND: &'static str = "address or path";

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        StorageUrl::parse(&text).map(|_| Self(text))
    }

    fn show(&self) -> Option<String> {
        Some(self.0.clone())
    }
}

/// Where a service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAddress(pub String);

impl Value for WebAddress {
    const KIND: &'static str = "address (`https://…`)";

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        let rest = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let plain = |rest: &&str| !rest.is_empty() && !rest.contains([' ', '@', '?', '#']);
        match rest.filter(plain) {
            Some(_) => Ok(Self(text)),
            None => {
                Err(format!("is `{text}` and must be an address that begins with `https://` or `http://`"))
            }
        }
    }

    fn show(&self) -> Option<String> {
        Some(self.0.clone())
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Value for Password {
    const KIND: &'static str = "text";
    const SECRET: bool = true;

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        if text.is_empty() { Err("is empty".to_owned()) } else { Ok(Self(text)) }
    }

    fn show(&self) -> Option<String> {
        Some("***".to_owned())
    }
}

impl Value for bool {
    const KIND: &'static str = "`true` or `false`";

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        text.parse().map_err(|_| format!("is `{text}` and must be `true` or `false`"))
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

/// Addresses of machines, one by one or by network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(pub Vec<IpNet>);

impl Value for Networks {
    const KIND: &'static str = "list of addresses and networks (`10.0.0.5`, `10.1.0.0/16`)";

    fn read(raw: &Raw) -> Result<Self, String> {
        let texts = match raw {
            Raw::List(texts) => texts.clone(),
            _ => raw.text()?.split(',').map(str::to_owned).collect(),
        };
        let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        let one = |text: &str| {
            let address = text.parse::<IpAddr>().map(IpNet::from).ok();
            let network = address.or_else(|| text.parse().ok());
            network.ok_or_else(|| {
                format!("holds `{text}`, which is no address and no network such as `10.1.0.0/16`")
            })
        };
        texts.map(one).collect::<Result<_, _>>().map(Self)
    }

    fn show(&self) -> Option<String> {
        let shown: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        (!shown.is_empty()).then(|| shown.join(","))
    }
}

impl Value for IpAddr {
    const KIND: &'static str = "IP address";

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        if text == "localhost" {
            return Ok(Self::V4(Ipv4Addr::LOCALHOST));
        }
        let wrong = |_| format!("is `{text}` and must be an IP address such as `127.0.0.1` or `0.0.0.0`");
        text.trim_start_matches('[').trim_end_matches(']').parse().map_err(wrong)
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for SocketAddr {
    const KIND: &'static str = "address and port";

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        text.parse()
            .map_err(|_| format!("is `{text}` and must be an address and a port, such as `10.0.0.5:7445`"))
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}
