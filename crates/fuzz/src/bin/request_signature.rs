//! The fuzz target `request_signature`, driven by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| foghorn_fuzz::request_signature(data));
