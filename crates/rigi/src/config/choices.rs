//! Values that are one of a few words.

use super::value::{Raw, Value};

/// Values out of a few words.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? } $kind:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl Value for $name {
            const KIND: &'static str = $kind;

            fn read(raw: &Raw) -> Result<Self, String> {
                let text = raw.text()?;
                let found = Self::ALL.into_iter().find(|choice| choice.as_str() == text);
                found.ok_or_else(|| format!("is `{text}` and must be one of {}", $kind))
            }

            fn show(&self) -> Option<String> {
                Some(self.as_str().to_owned())
            }
        }
    };
}

choice! {
    /// What executes a target's runs.
    TargetKind {
        /// An engine of containers.
        Container = "container",
        /// A cluster.
        Kubernetes = "kubernetes",
    } "`container`, `kubernetes`"
}

choice! {
    /// How much the server writes to its own log.
    LogLevel {
        /// What broke.
        Error = "error",
        /// And what looks wrong.
        Warn = "warn",
        /// And what happens.
        Info = "info",
        /// And why.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    } "`error`, `warn`, `info`, `debug`, `trace`"
}

choice! {
    /// How the server writes its own log.
    LogFormat {
        /// Lines for people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    } "`text`, `json`"
}

choice! {
    /// Whether the server itself answers S3's tools.
    GatewayUse {
        /// It does not.
        Off = "off",
        /// It does, and gives runs credentials where the storage gives none.
        On = "on",
        /// It does, and gives runs credentials in any case.
        Always = "always",
    } "`off`, `on`, `always`"
}

choice! {
    /// What a server is among those of one database.
    Seat {
        /// It runs what is accepted.
        Leader = "leader",
        /// It answers and accepts beside the one that leads.
        Follower = "follower",
        /// It follows while another one leads, and leads when none does.
        Auto = "auto",
    } "`leader`, `follower`, `auto`"
}
