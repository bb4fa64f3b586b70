//! The group that a container has from its engine: its limits are set already, and can only be read.

use std::path::{Path, PathBuf};

const MOUNT: &str = "/sys/fs/cgroup";

/// Where this container's own counters are.
#[derive(Debug)]
pub enum Around {
    /// One folder per controller.
    V1,
    /// One folder.
    V2,
}

impl Around {
    /// Finds them; `None` where the engine shows none.
    pub fn find() -> Option<Self> {
        if Path::new(MOUNT).join("memory.events").is_file() {
            return Some(Self::V2);
        }
        Path::new(MOUNT).join("memory/memory.oom_control").is_file().then_some(Self::V1)
    }

    pub fn count(&self, what: &str) -> u64 {
        let file = |name: &str| PathBuf::from(MOUNT).join(name);
        match (self, what) {
            (Self::V1, "oom") => super::v2::field(&file("memory/memory.oom_control"), "oom_kill"),
            (Self::V1, "processes") => super::v2::field(&file("pids/pids.events"), "max"),
            // It also counts files in the cache, which are nobody's need: the sampler's figure is the better one.
            (Self::V1, _) => 0,
            (Self::V2, what) => super::v2::count(Path::new(MOUNT), what),
        }
    }
}
