//! Version 2: one tree, into which whole processes can be moved.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rigi_work::plan::PlanLimits;

const PERIOD_US: u64 = 100_000;

/// Makes this data folder's place in the tree, with the controllers that limits need.
pub fn find(name: &str) -> Option<PathBuf> {
    let mount = Path::new("/sys/fs/cgroup");
    if !mount.join("cgroup.controllers").is_file() {
        return None;
    }
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let inner = own.lines().find_map(|line| line.strip_prefix("0::"))?.trim_start_matches('/');
    // Its own place first; the root where that one holds processes and so cannot hand out its controllers.
    [mount.join(inner), mount.to_owned()].into_iter().find_map(|base| {
        let enable = |at: &Path| fs::write(at.join("cgroup.subtree_control"), "+memory +cpu +pids");
        enable(&base).ok()?;
        let root = base.join(format!("rigi-{name}"));
        match fs::create_dir(&root) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return None,
            _ => {}
        }
        enable(&root).ok()?;
        Some(root)
    })
}

pub fn prepare(group: &Path, limits: &PlanLimits) -> io::Result<()> {
    match fs::create_dir(group) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let amount = |limit: Option<u64>| limit.map_or("max".into(), |limit| limit.to_string());
    fs::write(group.join("memory.max"), amount(limits.memory))?;
    // One that is killed for it takes the others with it, as in a pod. Older kernels do not know the file.
    let _ = fs::write(group.join("memory.oom.group"), if limits.memory.is_some() { "1" } else { "0" });
    if limits.memory.is_some() {
        // Absent where the kernel counts no swap.
        let _ = fs::write(group.join("memory.swap.max"), "0");
    }
    let cpu = limits.cpu.map_or("max".into(), |cores| quota(cores).to_string());
    fs::write(group.join("cpu.max"), format!("{cpu} {PERIOD_US}"))?;
    fs::write(group.join("pids.max"), amount(limits.processes))
}

pub fn count(group: &Path, what: &str) -> u64 {
    match what {
        "oom" => field(&group.join("memory.events"), "oom_kill"),
        "processes" => field(&group.join("pids.events"), "max"),
        _ => number(&group.join("memory.peak")),
    }
}

/// Microseconds of a period for so many cores; the kernel takes no less than a millisecond.
pub fn quota(cores: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a number of cores times 100,000")]
    let us = (cores.clamp(0.0, 1e6) * 100_000.0) as i64;
    us.max(1000)
}

/// A line `name number` of a file.
pub fn field(path: &Path, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or(0)
}

/// A file with one number.
pub fn number(path: &Path) -> u64 {
    fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
