//! Runs: what the engine remembers of one, and how observations change it.
