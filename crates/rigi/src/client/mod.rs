//! Talks to a server over HTTP: what every command but `up` does.

mod call;
mod discover;
mod event_stream;
mod log_stream;
mod named_servers;
mod problem;
mod resume;
mod run_stream;
mod sse;
mod upload;

pub use call::{CallError, Client};
pub use discover::{FindError, SearchPlace, ServerFile, ServerPlace, find, finds, running_servers_file};
pub use event_stream::EventStream;
pub use log_stream::{LogEvent, LogStart, LogStream};
pub use named_servers::{NamedServer, NamedServers};
pub use problem::{Problem, ProblemEntry};
pub use resume::{LARGE, Large, LargeError, Sending};
pub use run_stream::{RunNews, RunStream};
pub use upload::file_name;
