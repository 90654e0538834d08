//! The fuzz target `configuration`, driven by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| foghorn_fuzz::configuration(data));
