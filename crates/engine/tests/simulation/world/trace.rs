//! What is told of a seed: a line for each thing that happened, where somebody reads it, and counts.

use serde::Serialize;

/// Counts over one seed or many.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Stats {
    /// Things that happened in the worlds.
    pub steps: u64,
    /// Rounds of servers, and messages heard in them.
    pub rounds: u64,
    pub messages: u64,
    pub commits: u64,
    /// Runs that were accepted, and that were stored.
    pub runs: u64,
    /// Servers that started; those among them that did while another still took itself for the server.
    pub servers: u64,
    pub takeovers: u64,
    /// Servers that were killed, or that found another in their place.
    pub crashes: u64,
    pub superseded: u64,
    pub supervisor_crashes: u64,
    pub disasters: u64,
    /// Commits without an answer.
    pub doubts: u64,
    /// Reports of the executor, and what became of some.
    pub reports: u64,
    pub lost: u64,
    pub repeated: u64,
    pub reordered: u64,
    pub reconnects: u64,
    pub cancels: u64,
    pub collected: u64,
    /// Reasons of waiting runs that were compared with the truth.
    pub reasons: u64,
    /// Changes of runs that were checked.
    pub changes: u64,
}

impl Stats {
    /// Adds another seed's.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.rounds += other.rounds;
        self.messages += other.messages;
        self.commits += other.commits;
        self.runs += other.runs;
        self.servers += other.servers;
        self.takeovers += other.takeovers;
        self.crashes += other.crashes;
        self.superseded += other.superseded;
        self.supervisor_crashes += other.supervisor_crashes;
        self.disasters += other.disasters;
        self.doubts += other.doubts;
        self.reports += other.reports;
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.reordered += other.reordered;
        self.reconnects += other.reconnects;
        self.cancels += other.cancels;
        self.collected += other.collected;
        self.reasons += other.reasons;
        self.changes += other.changes;
    }
}
