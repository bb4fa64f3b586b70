//! What a process has from whoever started it, and what of that it keeps: no descriptors, no blocked signals, no ignored
//! ones. Everything else of the caller (limits, priority, control group, its habit for modes) is an operator's way to
//! set bounds, and is handed on.

use rustix::fs::Mode;
use rustix::process::umask;

use crate::sys::{self, Foreign};

/// Numbers of signals; two of them are glibc's own, and cannot be set.
const SIGNALS: std::ops::RangeInclusive<i32> = 1..=64;

/// At the start of every program: nothing that it starts gets a descriptor of the caller, and its children can be waited
/// for. It may still read what it was handed by number.
pub fn seal() {
    sys::foreign_descriptors(Foreign::Sealed);
    sys::unblock_signals();
    sys::heed(libc::SIGCHLD);
}

/// For what stays: the caller's descriptors are closed, so that none of its locks and pipes are held on. To be called
/// before anything of its own is opened and before any thread is started.
pub fn leave_caller() {
    sys::foreign_descriptors(Foreign::Closed);
    // A habit that takes the owner's own rights would shut Rigi out of what it has just made.
    let habit = umask(Mode::empty());
    umask(habit & (Mode::RWXG | Mode::RWXO));
}

/// For what starts runs: they begin with the default of every signal, also where `nohup` or a script had some ignored.
pub(crate) fn heed_all_signals() {
    // Rust ignores this one for itself, and takes that back in what it starts.
    SIGNALS.filter(|&signal| signal != libc::SIGPIPE).for_each(sys::heed);
}

/// What others must be able to read is made readable for them, whatever the caller's habit is.
pub(crate) fn readable_for_others() {
    umask(Mode::WGRP | Mode::WOTH);
}

/// Whether hanging up is ignored, as `nohup` has it.
#[must_use]
pub fn ignores_hang_up() -> bool {
    sys::is_ignored(libc::SIGHUP)
}
