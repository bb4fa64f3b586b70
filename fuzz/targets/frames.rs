//! Frames between the server and its supervisor: any bytes in any portions are orders, reports or a refusal.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rigi_local::fuzzing::frames(bytes));
