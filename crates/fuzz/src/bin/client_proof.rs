//! The fuzz target `client_proof`, driven by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| foghorn_fuzz::client_proof(data));
