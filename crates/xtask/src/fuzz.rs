//! Runs the fuzz targets of `crates/fuzz` for a while, several at a time.
//!
//! The engine is libFuzzer, and the stable compiler is enough: the flags below put the counters in
//! that tell it which inputs reach new code.

use crate::compiler::Compiler;
use crate::{process, workspace};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

const PACKAGE: &str = "foghorn-fuzz";
const CORPUS: &str = "crates/fuzz/corpus";

/// Counts edges and shows the engine what is compared with what.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// An input that takes longer is a finding, in seconds.
const SLOW: u32 = 10;
/// More memory is a finding, in MiB.
const LARGE: u32 = 1_024;
/// Bytes of an input: enough for every limit that is not about size alone.
const LONGEST: u32 = 4_096;
/// Bytes of an input that is kept for good.
const SHORT: u32 = 1_024;
/// Lines that the engine printed last, shown when a run fails without a panic.
const LAST_WORDS: usize = 40;

/// What to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// How long each target runs.
    seconds: u32,
    /// What becomes of inputs that reach new code.
    found: Found,
    /// One target, or all.
    target: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// They stay in the target directory, where the next run finds them.
    Scratch,
    /// The smallest set of them goes to the committed corpus.
    Keep,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seconds: 60,
            found: Found::Scratch,
            target: None,
        }
    }
}

impl Options {
    /// Reads the words of the command line.
    ///
    /// # Errors
    /// When a word is not known, or a number is none.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            match word {
                "--keep" => options.found = Found::Keep,
                "--seconds" => {
                    let number = words.next().context("`--seconds` needs a number")?;
                    let seconds = number.parse().ok().filter(|&seconds| seconds > 0);
                    options.seconds =
                        seconds.with_context(|| format!("`{number}` is no number of seconds"))?;
                }
                name if name.starts_with('-') || options.target.is_some() => {
                    bail!("`{name}` is not known here; see `cargo xtask help`")
                }
                name => options.target = Some(name.to_owned()),
            }
        }
        Ok(options)
    }
}

/// Builds the targets, runs them and prints what came of each.
///
/// # Errors
/// When there is no such target, the build fails, or a target finds an input that makes it panic,
/// hang or take too much memory.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let targets = chosen(targets(root)?, options.target.as_deref())?;
    let bench = Bench::build(root)?;
    // An engine is one busy thread.
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let results = Mutex::new(Vec::new());
    share_out(&targets, cores, |target| {
        let result = bench.fuzz(target, options);
        // In one piece, so that what several targets say does not mix.
        println!("{}", result.as_ref().unwrap_or_else(|finding| finding));
        lock(&results).push(result.is_ok());
    });
    let failed = lock(&results).iter().filter(|ok| !**ok).count();
    match failed {
        0 => Ok(()),
        count => bail!("{count} of {} targets failed", targets.len()),
    }
}

/// Does `work` for each of `items`, in their order, for `workers` of them at a time.
fn share_out<T: Sync>(items: &[T], workers: usize, work: impl Fn(&T) + Sync) {
    let waiting = Mutex::new(items.iter());
    // A function, so that the lock is given back before the work begins.
    let next = || lock(&waiting).next();
    thread::scope(|scope| {
        for _ in 0..workers.min(items.len()) {
            scope.spawn(|| {
                while let Some(item) = next() {
                    work(item);
                }
            });
        }
    });
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every target has a corpus in a folder of its name; a test of the package sees to that.
fn targets(root: &Path) -> Result<Vec<String>> {
    let corpus = root.join(CORPUS);
    let folders = fs::read_dir(&corpus).with_context(|| format!("no {}", corpus.display()))?;
    let mut names = Vec::new();
    for folder in folders {
        names.push(folder?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn chosen(all: Vec<String>, wanted: Option<&str>) -> Result<Vec<String>> {
    match wanted {
        None => Ok(all),
        Some(name) if all.iter().any(|known| known == name) => Ok(vec![name.to_owned()]),
        Some(name) => bail!("no target `{name}`; there are {}", all.join(", ")),
    }
}

/// Where everything is.
struct Bench {
    binaries: PathBuf,
    corpus: PathBuf,
    scratch: PathBuf,
    findings: PathBuf,
}

impl Bench {
    fn build(root: &Path) -> Result<Self> {
        let host = Compiler::ask()?.host;
        let mut build = process::cargo();
        build
            .current_dir(root)
            .args(["build", "--package", PACKAGE, "--bins"])
            .args(["--features", "libfuzzer", "--profile", "fuzz"])
            // Named, so that build scripts and macros are left without the flags.
            .args(["--target", &host])
            .env("RUSTFLAGS", COVERAGE.join(" "));
        process::run(&mut build)?;
        let built = workspace::target_directory(root)?;
        Ok(Self {
            binaries: built.join(&host).join("fuzz"),
            corpus: root.join(CORPUS),
            scratch: built.join("fuzz-corpus"),
            findings: built.join("fuzz-findings"),
        })
    }

    /// One line about a run without findings, or all there is to say about one with.
    fn fuzz(&self, target: &str, options: &Options) -> Result<String, String> {
        self.attempt(target, options)
            .unwrap_or_else(|error| Err(format!("{target}: {error:#}")))
    }

    fn attempt(&self, target: &str, options: &Options) -> Result<Result<String, String>> {
        let (scratch, findings) = (self.scratch.join(target), self.findings.join(target));
        for folder in [&scratch, &findings] {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let corpus = self.corpus.join(target);
        let mut engine = self.engine(target, LONGEST);
        engine
            .arg(format!("-max_total_time={}", options.seconds))
            .arg(format!("-timeout={SLOW}"))
            .arg(format!("-rss_limit_mb={LARGE}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .args([&scratch, &corpus]);
        let output = engine.output().context("cannot start it")?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Ok(Err(finding(target, &said)));
        }
        let summary = summary(&said).with_context(|| format!("no coverage:\n{}", tail(&said)))?;
        if options.found == Found::Keep {
            self.keep(target, &corpus, &scratch)?;
        }
        Ok(Ok(format!("{target:<18} {summary}")))
    }

    fn engine(&self, target: &str, max_len: u32) -> Command {
        let mut engine = Command::new(self.binaries.join(target));
        engine.arg(format!("-max_len={max_len}"));
        engine
    }

    /// Adds to the corpus what reaches code that it does not reach.
    fn keep(&self, target: &str, corpus: &Path, scratch: &Path) -> Result<()> {
        let mut merge = self.engine(target, SHORT);
        // How often an edge is taken is left out: it would multiply the files for little.
        merge.args(["-set_cover_merge=1", "-use_counters=0"]);
        process::capture(merge.args([corpus, scratch])).map(drop)
    }
}

/// What the engine says at its end: `#99969 DONE cov: 2943 ft: 8263 …`. Without counters it would
/// run as well, blindly; then there is nothing to return.
fn summary(said: &str) -> Option<String> {
    let done = said.lines().rev().find(|line| line.contains("DONE"))?;
    let (runs, rest) = done
        .trim_start_matches('#')
        .split_once(char::is_whitespace)?;
    let mut words = rest.split_whitespace().skip_while(|word| *word != "cov:");
    let edges = words.nth(1).filter(|edges| *edges != "0")?;
    Some(format!("{runs} runs, {edges} edges reached"))
}

fn finding(target: &str, said: &str) -> String {
    let written = said
        .lines()
        .find_map(|line| line.split_once("Test unit written to "));
    let file = written.map_or("(no file was written)", |(_, file)| file);
    format!(
        "{target} FAILED:\n{}\n\nThe input is {file}\n\
         To keep it as a test and to replay it:\n  \
         cp {file} {CORPUS}/{target}/NAME-IT\n  \
         cargo test --package {PACKAGE}",
        from_panic(said)
    )
}

/// What the engine printed from the panic on, or its last words if there was none.
fn from_panic(said: &str) -> String {
    let lines = said
        .lines()
        .skip_while(|line| !line.contains(" panicked at "));
    match lines.collect::<Vec<_>>().join("\n") {
        nothing if nothing.is_empty() => tail(said),
        lines => lines,
    }
}

fn tail(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    let start = lines.len().saturating_sub(LAST_WORDS);
    lines.get(start..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn reads_its_options() {
        assert_eq!(Options::parse(&[]).unwrap(), Options::default());
        let all = Options::parse(&["--seconds", "5", "event_body", "--keep"]).unwrap();
        let expect = Options {
            seconds: 5,
            found: Found::Keep,
            target: Some("event_body".to_owned()),
        };
        assert_eq!(all, expect);
        for wrong in [
            &["--seconds"][..],
            &["--seconds", "0"],
            &["--seconds", "x"],
            &["--fast"],
            &["a", "b"],
        ] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_target_is_one_of_those_there_are() {
        let all = || vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(chosen(all(), None).unwrap(), all());
        assert_eq!(chosen(all(), Some("b")).unwrap(), ["b"]);
        let unknown = chosen(all(), Some("c")).unwrap_err().to_string();
        assert_eq!(unknown, "no target `c`; there are a, b");
    }

    #[test]
    fn work_is_shared_out() {
        let (left, right) = (channel(), channel());
        let ends = [Mutex::new((left.0, right.1)), Mutex::new((right.0, left.1))];
        // Neither ends without the other. The limit is there to fail instead of hanging.
        share_out(&ends, 2, |end| {
            let (send, receive) = &*lock(end);
            send.send(()).unwrap();
            receive.recv_timeout(Duration::from_secs(60)).unwrap();
        });

        let done = Mutex::new(Vec::new());
        share_out(&[1, 2, 3], 1, |&item| lock(&done).push(item));
        assert_eq!(*lock(&done), [1, 2, 3]);
    }

    #[test]
    fn a_run_without_coverage_is_no_run() {
        let done = "INFO: …\n#42\tDONE   cov: 7 ft: 9 corp: 1/1b\n###### Recommended\n";
        assert_eq!(summary(done).as_deref(), Some("42 runs, 7 edges reached"));
        assert_eq!(summary("#42\tDONE   cov: 0 ft: 0"), None);
        assert_eq!(summary("#42\tDONE   exec/s: 0"), None);
        assert_eq!(summary(""), None);
    }

    #[test]
    fn a_finding_tells_how_to_replay_it() {
        let said = "#1 NEW\nthread 'x' panicked at a.rs:1:2:\nwhy\n\
                    artifact_prefix='x'; Test unit written to /x/crash-1\n";
        let told = finding("event_body", said);
        assert!(
            told.contains("cp /x/crash-1 crates/fuzz/corpus/event_body/"),
            "{told}"
        );
        assert!(told.contains("why") && !told.contains("NEW"), "{told}");
        assert!(finding("a", "ERROR: libFuzzer: timeout").contains("timeout"));
    }
}
