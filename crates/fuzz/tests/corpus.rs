//! Replays the committed corpus: every input that was ever worth keeping, without a fuzzer.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use foghorn_fuzz::{TARGETS, Target};

fn replay(name: &str, target: Target) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().path();
        let input = fs::read(&file).unwrap();
        if catch_unwind(|| target(&input)).is_err() {
            panic!("{name} fails on {}", file.display());
        }
        count += 1;
    }
    count
}

#[test]
fn no_input_of_the_corpus_fails() {
    for (name, target) in TARGETS {
        assert_ne!(replay(name, target), 0, "{name} has no corpus");
    }
}

#[test]
fn every_folder_of_the_corpus_has_a_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for entry in fs::read_dir(corpus).unwrap() {
        let folder = entry.unwrap().file_name();
        let known = TARGETS.iter().any(|(name, _)| folder == *name);
        assert!(known, "{}", folder.display());
    }
}
