//! A thread for each executor: what it writes to the disk, or waits for, keeps the engine from nothing.

use std::thread::Builder as Thread;

use rigi_model::Target;
use tokio::runtime::Builder as Runtime;

/// Has a task run on a thread of its own until it ends.
pub fn run(target: &Target, task: impl Future<Output = ()> + Send + 'static) {
    let name = target.to_string();
    let started = Runtime::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| Thread::new().name(name).spawn(move || runtime.block_on(task)));
    if let Err(error) = started {
        tracing::error!(%target, %error, "an executor does not start: nothing runs on its target");
    }
}
