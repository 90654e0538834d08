//! The fuzz target `http_bytes`, driven by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| foghorn_fuzz::http_bytes(data));
