//! Version 1: a tree per controller, into which single threads can be moved.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rigi_work::plan::PlanLimits;

const MOUNT: &str = "/sys/fs/cgroup";
const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];
/// Time slices of the cpu controller.
const PERIOD_US: u64 = 100_000;

/// Where groups can be made, per controller.
#[derive(Debug)]
pub struct Controllers {
    roots: [PathBuf; 3],
}

/// Finds this data folder's place in the trees.
pub fn find(name: &str) -> Option<Controllers> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let roots = CONTROLLERS.map(|controller| {
        let base = Path::new(MOUNT).join(controller);
        let inner = own_path(&own, controller).unwrap_or("/").trim_start_matches('/');
        // Within a container the path may be the host's, which is not mounted here.
        let base = if base.join(inner).is_dir() { base.join(inner) } else { base };
        base.join(format!("rigi-{name}"))
    });
    // Made with the first group: most supervisors need none.
    let writable = |root: &PathBuf| {
        root.parent().is_some_and(|base| rustix::fs::access(base, rustix::fs::Access::WRITE_OK).is_ok())
    };
    roots.iter().all(writable).then_some(Controllers { roots })
}

fn own_path<'a>(own: &'a str, controller: &str) -> Option<&'a str> {
    own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, names, path) = (parts.next()?, parts.next()?, parts.next()?);
        names.split(',').any(|name| name == controller).then_some(path)
    })
}

impl Controllers {
    pub fn roots(&self) -> Vec<&Path> {
        self.roots.iter().map(PathBuf::as_path).collect()
    }

    pub fn groups(&self, index: u32) -> [PathBuf; 3] {
        [0, 1, 2].map(|i| self.roots[i].join(index.to_string()))
    }

    pub fn prepare(&self, index: u32, limits: &PlanLimits) -> io::Result<()> {
        let [memory, cpu, pids] = self.groups(index);
        for group in [&memory, &cpu, &pids] {
            fs::create_dir_all(group)?;
        }
        let bytes = limits.memory.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        // With swap, the limit on both may never be below that on memory alone: so first up, then down, then both.
        let _ = fs::write(memory.join("memory.memsw.limit_in_bytes"), "-1");
        fs::write(memory.join("memory.limit_in_bytes"), bytes.to_string())?;
        let _ = fs::write(memory.join("memory.memsw.limit_in_bytes"), bytes.to_string());
        fs::write(memory.join("memory.max_usage_in_bytes"), "0")?;
        let quota = limits.cpu.map_or(-1, super::v2::quota);
        fs::write(cpu.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
        fs::write(cpu.join("cpu.cfs_quota_us"), quota.to_string())?;
        fs::write(pids.join("pids.max"), limits.processes.map_or("max".into(), |limit| limit.to_string()))
    }

    pub fn enter(&self, index: u32) {
        for group in self.groups(index) {
            // Should it fail, the process is not held: its limits are also watched by the sampler.
            let _ = fs::write(group.join("tasks"), "0");
        }
    }

    pub fn count(&self, index: u32, what: &str) -> u64 {
        let [memory, _, pids] = self.groups(index);
        match what {
            "oom" => super::v2::field(&memory.join("memory.oom_control"), "oom_kill"),
            "processes" => super::v2::field(&pids.join("pids.events"), "max"),
            _ => super::v2::number(&memory.join("memory.max_usage_in_bytes")),
        }
    }
}

/// Moves this thread to where its process's first thread is.
pub fn leave() {
    let Ok(own) = fs::read_to_string(format!("/proc/{}/cgroup", std::process::id())) else { return };
    for controller in CONTROLLERS {
        let base = Path::new(MOUNT).join(controller);
        let inner = own_path(&own, controller).unwrap_or("/").trim_start_matches('/');
        let base = if base.join(inner).is_dir() { base.join(inner) } else { base };
        let _ = fs::write(base.join("tasks"), "0");
    }
}
