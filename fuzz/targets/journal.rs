//! The supervisor's journal: whatever a kill or a disk left of it is read as far as it goes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rigi_local::fuzzing::journal(bytes));
