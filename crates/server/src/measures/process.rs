//! The server's own process, as the kernel tells of it. What it does not tell is left out.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

use super::text::Sample;

/// The process, and the memory that it may have. It reads files of the kernel: not for a thread that others wait for.
#[must_use]
pub fn process() -> Vec<Sample> {
    let own = |file: &str| fs::read_to_string(Path::new("/proc/self").join(file)).unwrap_or_default();
    let (page, tick) = (rustix::param::page_size() as f64, rustix::param::clock_ticks_per_second() as f64);
    let mut samples = Vec::new();
    if let Some(pages) = own("statm").split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()) {
        samples.push(Sample::new("process_resident_memory_bytes", pages * page));
    }
    if let Some((on_core, started)) = times(&own("stat")) {
        samples.push(Sample::new("process_cpu_seconds_total", on_core / tick));
        let booted = fs::read_to_string("/proc/stat").ok().and_then(|text| field(&text, "btime "));
        samples.extend(booted.map(|at| Sample::new("process_start_time_seconds", at + started / tick)));
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        samples.push(Sample::new("process_open_fds", open.count() as f64));
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        samples.push(Sample::new("process_max_fds", most as f64));
    }
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| field(&text, "MemTotal:"));
    let limit = [group_limit(&own("cgroup"), Path::new("/sys/fs/cgroup")), machine.map(|kb| kb * 1024.0)];
    if let Some(limit) = limit.into_iter().flatten().reduce(f64::min) {
        samples.push(Sample::new("rigi_memory_limit_bytes", limit));
    }
    samples
}

/// Time on a core and when it started, both in ticks. The program's name may have any signs in it; it ends at the last bracket.
fn times(stat: &str) -> Option<(f64, f64)> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let at = |n: usize| fields.get(n)?.parse::<f64>().ok();
    Some((at(11)? + at(12)?, at(19)?))
}

/// The number behind a word at the start of a line.
fn field(text: &str, word: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(word))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The smallest limit of the process's control group and those around it; `cgroup` is what `/proc/self/cgroup` says.
fn group_limit(cgroup: &str, mount: &Path) -> Option<f64> {
    let limits = cgroup.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let (root, file) = match controllers {
            "" => (mount.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|one| one == "memory") => {
                (mount.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let own = PathBuf::from(path.trim_start_matches('/'));
        // A container sees its own group as the root, and may be told of another path.
        let around = own.ancestors().filter_map(|group| {
            fs::read_to_string(root.join(group).join(file)).ok()?.trim().parse::<f64>().ok()
        });
        around.reduce(f64::min)
    });
    limits.reduce(f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_moves_no_field() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 4711 0 0";
        assert_eq!(times(stat), Some((300.0, 4711.0)));
        assert_eq!(times("7 (a"), None);
        assert_eq!(field("cpu 1\nbtime 1700000000\n", "btime "), Some(1.7e9));
    }

    #[test]
    fn the_smallest_limit_around_counts() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("a/memory.max", "1000\n");
        write("a/b/memory.max", "max\n");
        write("memory/c/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(group_limit("0::/a/b\n", folder.path()), Some(1000.0));
        assert_eq!(group_limit("0::/elsewhere\n", folder.path()), None);
        assert_eq!(group_limit("3:cpu:/c\n4:memory:/c\n", folder.path()), Some(9_223_372_036_854_771_712.0));
        assert_eq!(group_limit("", folder.path()), None);
    }

    #[test]
    fn this_process_is_told_of() {
        let said = process();
        let names = ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"];
        let text = format!("{said:?}");
        assert!(names.iter().all(|name| text.contains(name)), "{text}");
    }
}
