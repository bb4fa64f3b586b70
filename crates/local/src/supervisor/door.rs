//! The socket at which the server is heard, and the connection to it. There is one server: the newest that said hello.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use crate::frame::{self, FrameError, Inbox};
use crate::layout::Layout;
use crate::wire::{Order, Report};

/// Above this many waiting bytes, what is said again anyway is left out.
const CROWDED: usize = 4 * 1024 * 1024;

/// Binds the socket, readable by its owner alone.
///
/// # Errors
/// If it cannot be bound.
pub fn bind(layout: &Layout) -> io::Result<UnixListener> {
    let path = layout.socket();
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A socket's path may be 107 bytes long; through the open folder it is short, however deep the folder lies.
    let folder = fs::File::open(layout.supervisor())?;
    let listener = UnixListener::bind(crate::layout::short_socket(&folder))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A connection to the server, or to somebody who has not said hello yet.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    inbox: Inbox,
    out: Vec<u8>,
    sent: usize,
    /// Whether more waits than the other side has taken.
    pub crowded: bool,
}

impl Connection {
    /// Takes over an accepted connection.
    ///
    /// # Errors
    /// If it cannot be made non-blocking.
    pub fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, inbox: Inbox::default(), out: Vec::new(), sent: 0, crowded: false })
    }

    /// For the poller.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Reads what is there. `false`: the other side is gone.
    pub fn fill(&mut self, buffer: &mut [u8]) -> bool {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return false,
                Ok(len) => self.inbox.extend(&buffer[..len]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    /// The next whole order.
    ///
    /// # Errors
    /// If what came is no order.
    pub fn next(&mut self) -> Result<Option<Order>, FrameError> {
        Ok(self.inbox.next::<Order>()?.map(|(order, _)| order))
    }

    /// Adds a report to what is sent at the next [`Self::flush`].
    pub fn push(&mut self, report: &Report, tail: &[u8]) {
        let passing = matches!(report, Report::Log { .. } | Report::Sample { .. });
        if !(passing && self.out.len() - self.sent > CROWDED) {
            frame::encode(&mut self.out, report, tail);
        }
    }

    /// Sends what waits, as far as the other side takes it. `None`: it is gone; else whether something is left.
    pub fn flush(&mut self) -> Option<bool> {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(len) => self.sent += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        self.out.clear();
        self.sent = 0;
        if self.out.capacity() > CROWDED {
            self.out = Vec::new();
        }
        Some(false)
    }
}
