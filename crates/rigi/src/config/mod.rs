//! Configuration: a flag beats an environment variable, which beats `rigi.toml`, which beats the default.
//!
//! [`sections`] lists every key once, with its documentation, type and default. From that one list come the typed
//! [`Config`], the reader with its suggestions, `rigi config show --origin` and `docs/operate/configuration.md`.

mod audit;
mod choices;
mod environment;
mod error;
mod file;
mod key;
mod lineage;
mod load;
mod mail;
pub mod named;
pub mod projects;
pub mod providers;
mod reference;
mod sections;
mod settings;
mod show;
pub mod targets;
#[cfg(test)]
mod tests;
mod value;
mod vault;

pub use choices::{GatewayUse, LogFormat, LogLevel, Seat, TargetKind};
pub use error::ConfigError;
pub use load::{Flag, Loaded, Origin, Sources, load};
pub use reference::reference;
pub use sections::{Config, Log};
pub use show::{Setting, shown};

/// Name of the configuration file.
pub const FILE_NAME: &str = "rigi.toml";
