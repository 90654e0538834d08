//! Rule: nothing that a pure crate brings in, however far down, has a runtime, sockets, a global
//! source of randomness or a log collector.

use super::Problem;

const DENIED: [&str; 28] = [
    "async-io",
    "async-std",
    "chrono",
    "clap",
    "fastrand",
    "futures-executor",
    "getrandom",
    "hyper",
    "hyper-util",
    "mio",
    "native-tls",
    "notify",
    "openssl",
    "polling",
    "proptest",
    "rand",
    "reqwest",
    "rustls",
    "shuttle",
    "signal-hook",
    "smol",
    "socket2",
    "threadpool",
    "time",
    "tokio",
    "tracing-subscriber",
    "tungstenite",
    "uuid",
];
/// Whole families: `tokio-util`, `tokio-tungstenite`, ….
const DENIED_FAMILIES: [&str; 2] = ["tokio-", "async-"];

/// Checks the output of `cargo tree --prefix depth --format ' {p}'` for the crate of `manifest`.
pub(super) fn check(manifest: &str, tree: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut route: Vec<&str> = Vec::new();
    for (depth, name) in tree.lines().filter_map(entry) {
        route.truncate(depth);
        route.push(name);
        if is_denied(name) {
            let message = format!(
                "a pure crate must not bring in `{name}`: {}",
                route.join(" → ")
            );
            problems.push(Problem::new(manifest, 1, message));
        }
    }
    problems
}

fn entry(line: &str) -> Option<(usize, &str)> {
    let mut words = line.split_whitespace();
    let depth = words.next()?.parse().ok()?;
    Some((depth, words.next()?))
}

fn is_denied(name: &str) -> bool {
    DENIED.contains(&name)
        || DENIED_FAMILIES
            .iter()
            .any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::super::assert_problems;
    use super::*;

    #[test]
    fn reports_what_is_denied_with_the_way_to_it() {
        let manifest = "crates/channels/Cargo.toml";
        let pure = "0 foghorn-channels v0.1.0 (path)\n1 dashmap v6.2.1\n2 rand_core v0.10.0 (*)\n";
        assert_problems(&check(manifest, pure), &[]);
        assert_problems(
            &check(
                manifest,
                &format!("{pure}1 bus v1.0.0\n2 tokio-util v0.7.0\n2 mio v1.0.0\n"),
            ),
            &[
                "crates/channels/Cargo.toml:1: a pure crate must not bring in `tokio-util`: \
                 foghorn-channels → bus → tokio-util",
                "crates/channels/Cargo.toml:1: a pure crate must not bring in `mio`: \
                 foghorn-channels → bus → mio",
            ],
        );
    }
}
