//! The server's own limit on open files: as high as the system lets it, and for its processes what it was.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More would be of no use.
const ENOUGH: u64 = 65_536;

static BEFORE: OnceLock<Option<u64>> = OnceLock::new();

/// Raises it. To be called once, before anything is served.
pub(crate) fn raise() {
    BEFORE.get_or_init(|| {
        let limit = getrlimit(Resource::Nofile);
        let before = limit.current?;
        let most = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
        let raised = Rlimit { current: Some(most), maximum: limit.maximum };
        (most > before && setrlimit(Resource::Nofile, raised).is_ok()).then_some(before)
    });
}

/// What it was, where it was raised.
pub(crate) fn before() -> Option<u64> {
    BEFORE.get().copied().flatten()
}

/// What it is now.
pub(crate) fn now() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(ENOUGH)
}
