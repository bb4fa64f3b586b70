//! The `rigi` binary.
fn main() {}
