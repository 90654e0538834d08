//! The fuzz target `event_body`, driven by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| foghorn_fuzz::event_body(data));
