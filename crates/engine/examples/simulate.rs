//! `make simulate SEEDS=10000`, or `SEED=4711` for one seed with all that happens in it. `MUTATION=NoFencing` breaks
//! something on purpose, to see it found.

#[path = "../tests/simulation/world/mod.rs"]
mod world;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::json;
use world::mutation::Mutation;
use world::{Stats, Telling, simulate};

fn main() -> ExitCode {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let name = std::env::var("MUTATION").unwrap_or_default();
    let mutation = Mutation::ALL.into_iter().find(|m| format!("{m:?}") == name).unwrap_or_default();
    if let Some(seed) = number("SEED") {
        return tell(seed, mutation);
    }
    let (seeds, first) = (number("SEEDS").unwrap_or(10_000), number("FIRST").unwrap_or(0));
    let began = Instant::now();
    let (stats, mut breaches) = run(first, seeds, mutation);
    breaches.sort();
    let seconds = began.elapsed().as_secs_f64();
    let per_second = seeds as f64 / seconds;
    println!("{seeds} seeds from {first} in {seconds:.1} s, {per_second:.0} seeds/s");
    let counts = serde_json::to_value(stats).unwrap_or_default();
    for (name, count) in counts.as_object().into_iter().flatten() {
        println!("  {:<20} {count:>12}", name.replace('_', " "));
    }
    for (seed, breach) in breaches.iter().take(10) {
        println!("BREACH in seed {seed}: {breach}\n  replay it: make simulate SEED={seed}");
    }
    let failing: Vec<_> =
        breaches.iter().map(|(seed, breach)| json!({"seed": seed, "breach": breach})).collect();
    let report = json!({
        "seeds": seeds, "first": first, "seconds": seconds, "seeds_per_second": per_second,
        "counts": counts, "breaches": failing, "holds": breaches.is_empty(),
    });
    if let Err(error) = write_report(&report) {
        eprintln!("target/reports/simulation.json cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    let word = if breaches.is_empty() { "ok. 1 passed; 0 failed" } else { "FAILED. 0 passed; 1 failed" };
    println!("test result: {word}; {seeds} seeds, {} with a breach", breaches.len());
    if breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write_report(report: &serde_json::Value) -> std::io::Result<()> {
    std::fs::create_dir_all("target/reports")?;
    std::fs::write("target/reports/simulation.json", format!("{report:#}\n"))
}

fn tell(seed: u64, mutation: Mutation) -> ExitCode {
    let ending = simulate(seed, mutation, Telling::Everything);
    for line in &ending.trace {
        println!("{line}");
    }
    match ending.breach {
        Some(breach) => {
            println!("seed {seed}: {breach}");
            ExitCode::FAILURE
        }
        None => {
            println!("seed {seed}: nothing is wrong");
            ExitCode::SUCCESS
        }
    }
}

/// Shares the seeds among the cores; which thread has which makes no difference.
fn run(first: u64, seeds: u64, mutation: Mutation) -> (Stats, Vec<(u64, String)>) {
    let next = AtomicU64::new(first);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let work = || {
        let (mut stats, mut breaches) = (Stats::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                return (stats, breaches);
            }
            let ending = simulate(seed, mutation, Telling::Silent);
            stats.add(&ending.stats);
            breaches.extend(ending.breach.map(|breach| (seed, breach)));
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = (Stats::default(), Vec::new());
        for thread in threads {
            if let Ok((stats, breaches)) = thread.join() {
                all.0.add(&stats);
                all.1.extend(breaches);
            }
        }
        all
    })
}
