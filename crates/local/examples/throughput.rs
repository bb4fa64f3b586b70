//! No-op runs per second through executor and supervisor, beside bare posix_spawn of `/bin/true`, two wide.
//!
//! `cargo run --release -p rigi-exec --example throughput [RUNS] [IN_FLIGHT]`

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use rigi_local::supervisor::{SupervisorConfig, main as supervise};
use rigi_local::{ProcessConfig, ProcessExecutor};
use rigi_model::pipeline::spec::Entry;
use rigi_model::{AttemptKey, Exit, PipelineName, ProjectName, RunId, TriggerKind};
use rigi_work::plan::{AttemptPlan, Executor, Observation, PlanLimits};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|word| word == "supervisor") {
        return supervise(&SupervisorConfig::new(args[2].clone().into()));
    }
    let number =
        |index: usize, default| args.get(index).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (runs, in_flight) = (number(1, 5000), number(2, 64));
    let limit = bare(runs.min(4000));
    println!("posix_spawn and wait, two wide   {limit:8.0} /s");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let Ok(runtime) = runtime else { return ExitCode::FAILURE };
    match runtime.block_on(through(runs, in_flight, limit)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn bare(runs: usize) -> f64 {
    let since = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..runs / 2 {
                    let _ = Command::new("/bin/true").status();
                }
            });
        }
    });
    per_second(runs, since.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn per_second(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// CPU time of a process so far, in seconds.
fn cpu(pid: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    [11, 12].iter().filter_map(|&index| fields.get(index)?.parse::<f64>().ok()).sum::<f64>() / 100.0
}

async fn through(runs: usize, in_flight: usize, limit: f64) -> Result<(), Box<dyn std::error::Error>> {
    let data = std::env::temp_dir().join(format!("rigi-throughput-{}", std::process::id()));
    std::fs::create_dir_all(data.join("code"))?;
    std::fs::write(data.join("code/pipeline.yaml"), "command: [/bin/true]\n")?;
    let supervisor = (std::env::current_exe()?, vec!["supervisor".into(), data.display().to_string()]);
    let config = ProcessConfig {
        data: data.clone(),
        uv: rigi_local::environment::UvConfig::default(),
        supervisor,
        env_allow: Vec::new(),
        default_processes: Some(512),
        apart: None,
        contained: None,
    };
    let (sender, mut observed) = tokio::sync::mpsc::unbounded_channel();
    let (executor, _) = ProcessExecutor::open(config, sender).await?;
    let pid = std::fs::read_to_string(data.join("supervisor/lock"))?;
    let before = (cpu("self"), cpu(pid.trim()));
    let since = Instant::now();
    let (mut launched, mut ended) = (0, 0);
    while ended < runs {
        while launched < runs && launched - ended < in_flight {
            executor.launch(plan(&data));
            launched += 1;
        }
        let Some(seen) = observed.recv().await else { break };
        if let Observation::Ended(end) = seen.what {
            if end.exit != (Exit::Code { code: 0 }) {
                return Err(format!("{:?}", end.exit).into());
            }
            executor.release(&seen.key);
            ended += 1;
        }
    }
    let took = since.elapsed();
    let rate = per_second(runs, took);
    println!("through the executor             {rate:8.0} /s   {:.2} of the limit", rate / limit);
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let ms = |seconds: f64| seconds * 1000.0 / runs as f64;
    let (own, supervisor) = (ms(cpu("self") - before.0), ms(cpu(pid.trim()) - before.1));
    println!("CPU per run: executor {own:.3} ms, supervisor {supervisor:.3} ms");
    sequential(&executor, &mut observed, &data).await;
    log(&executor, &mut observed, &data).await?;
    executor.quit().await;
    drop(executor);
    let _ = std::fs::remove_dir_all(&data);
    Ok(())
}

async fn sequential(
    executor: &ProcessExecutor,
    observed: &mut tokio::sync::mpsc::UnboundedReceiver<rigi_work::Observed>,
    data: &std::path::Path,
) {
    let since = Instant::now();
    for _ in 0..40 {
        executor.launch(plan(data));
        while let Some(seen) = observed.recv().await {
            if matches!(seen.what, Observation::Ended(_)) {
                executor.release(&seen.key);
                break;
            }
        }
    }
    println!("40 one after the other           {:8.1} ms", since.elapsed().as_secs_f64() * 1000.0);
}

/// One process that prints as fast as it can, beside `cat` into a file.
async fn log(
    executor: &ProcessExecutor,
    observed: &mut tokio::sync::mpsc::UnboundedReceiver<rigi_work::Observed>,
    data: &std::path::Path,
) -> std::io::Result<()> {
    const BYTES: usize = 512 << 20;
    let line = "x".repeat(79);
    let print = format!("yes {line} | head -c {BYTES}");
    let since = Instant::now();
    let file = data.join("cat");
    Command::new("sh").args(["-c", &format!("{print} | cat > {}", file.display())]).status()?;
    let limit = since.elapsed();
    std::fs::remove_file(file)?;
    let mut plan = plan(data);
    plan.entry = Entry::Command { argv: vec!["/bin/sh".into(), "-c".into(), print] };
    plan.limits.log_size = None;
    let since = Instant::now();
    executor.launch(plan);
    while let Some(seen) = observed.recv().await {
        if let Observation::Ended(ended) = seen.what {
            let took = since.elapsed();
            let ratio = limit.as_secs_f64() / took.as_secs_f64();
            let rate = per_second(BYTES >> 20, took);
            println!(
                "log of one process               {rate:8.0} MiB/s   {ratio:.2} of `cat >file`, {} lines",
                ended.log.lines
            );
            executor.release(&seen.key);
            break;
        }
    }
    Ok(())
}

fn plan(data: &std::path::Path) -> AttemptPlan {
    AttemptPlan {
        key: AttemptKey { run: RunId::generate(), number: 1 },
        project: ProjectName::default(),
        pipeline: PipelineName::unchecked("noop"),
        step: "main".into(),
        trigger: TriggerKind::Manual,
        entry: Entry::Command { argv: vec!["/bin/true".into()] },
        cells: Vec::new(),
        code: data.join("code"),
        environment: None,
        parameters: serde_json::Map::new(),
        env: BTreeMap::new(),
        own: std::collections::BTreeMap::new(),
        secrets: rigi_work::secrets::PlanSecrets::default(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        container: rigi_model::pipeline::container::ContainerSpec::default(),
        limits: PlanLimits { processes: Some(512), log_size: Some(64 << 20), ..PlanLimits::default() },
        timeout: Some(Duration::from_secs(3600)),
        grace: Duration::from_secs(10),
        bucket: None,
        notes: Vec::new(),
    }
}
