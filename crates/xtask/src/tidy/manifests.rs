//! Rules on manifests: who may depend on whom, what a pure crate may take, and shared lints.
//!
//! The two tables here are the decision; a change to one of them is a change of architecture.

use super::Problem;
use super::tree::Tree;
use crate::workspace::PREFIX;
use std::collections::BTreeSet;
use toml::Table;

/// What one crate of the workspace may depend on.
struct Allowed {
    name: &'static str,
    inside: &'static [&'static str],
    outside: Outside,
}

enum Outside {
    Anything,
    /// These directly, and `with_feature` only as optional dependencies.
    Listed {
        always: &'static [&'static str],
        with_feature: &'static [&'static str],
    },
}

const fn pure(always: &'static [&'static str]) -> Outside {
    Outside::Listed {
        always,
        with_feature: &[],
    }
}

const ALLOWED: [Allowed; 18] = [
    Allowed {
        name: "protocol",
        inside: &[],
        outside: Outside::Listed {
            always: &["serde", "serde_json", "thiserror"],
            with_feature: &["proptest"],
        },
    },
    Allowed {
        name: "auth",
        inside: &[],
        outside: pure(&["hmac", "md-5", "sha2", "subtle", "thiserror"]),
    },
    Allowed {
        name: "session",
        inside: &["protocol", "auth"],
        outside: pure(&["thiserror"]),
    },
    Allowed {
        name: "channels",
        inside: &["protocol"],
        outside: Outside::Listed {
            always: &["dashmap", "parking_lot", "siphasher", "thiserror"],
            with_feature: &["shuttle"],
        },
    },
    Allowed {
        name: "cluster",
        inside: &["protocol"],
        outside: pure(&["bytes", "parking_lot", "serde", "serde_json", "thiserror"]),
    },
    Allowed {
        name: "webhooks",
        inside: &["protocol", "auth"],
        outside: pure(&["http", "regex", "serde", "serde_json", "thiserror"]),
    },
    Allowed {
        name: "node",
        inside: &[
            "protocol", "auth", "session", "channels", "cluster", "webhooks",
        ],
        outside: pure(&["parking_lot", "prometheus", "thiserror"]),
    },
    Allowed {
        name: "api",
        inside: &["protocol", "auth", "node"],
        outside: pure(&["bytes", "http", "serde", "serde_json", "thiserror"]),
    },
    Allowed {
        name: "config",
        inside: &["protocol", "webhooks"],
        outside: pure(&["ipnet", "serde_json", "strsim", "thiserror", "toml"]),
    },
    Allowed {
        name: "courier",
        inside: &["protocol", "auth", "webhooks"],
        outside: Outside::Anything,
    },
    Allowed {
        name: "directory",
        inside: &["config"],
        outside: Outside::Anything,
    },
    Allowed {
        name: "cli",
        inside: &["protocol", "auth"],
        outside: Outside::Anything,
    },
    Allowed {
        name: "bench",
        inside: &["auth", "cli"],
        outside: Outside::Anything,
    },
    Allowed {
        name: "server",
        inside: &[
            "protocol",
            "auth",
            "session",
            "channels",
            "cluster",
            "webhooks",
            "node",
            "api",
            "cli",
            "bench",
            "config",
            "courier",
            "directory",
        ],
        outside: Outside::Anything,
    },
    Allowed {
        name: "fuzz",
        inside: &[
            "protocol", "auth", "session", "channels", "cluster", "node", "api", "config",
        ],
        outside: Outside::Listed {
            always: &[
                "bytes",
                "http",
                "httparse",
                "prometheus",
                "serde_json",
                "tungstenite",
            ],
            with_feature: &["libfuzzer-sys"],
        },
    },
    Allowed {
        name: "scenarios",
        inside: &[
            "protocol", "auth", "session", "channels", "cluster", "node", "api",
        ],
        outside: pure(&["http", "prometheus", "serde_json"]),
    },
    Allowed {
        name: "floor",
        inside: &[],
        outside: pure(&[
            "clap",
            "data-encoding",
            "hmac",
            "httparse",
            "md-5",
            "memchr",
            "mio",
            "sha1",
            "sha2",
            "slab",
            "socket2",
        ]),
    },
    Allowed {
        name: "xtask",
        inside: &[],
        outside: pure(&["anyhow", "toml"]),
    },
];

const ROOT: &str = "Cargo.toml";

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::from_iter(check_root(tree.get(ROOT).unwrap_or_default()));
    for (path, text) in tree.iter() {
        let folder = path
            .strip_prefix("crates/")
            .and_then(|p| p.strip_suffix("/Cargo.toml"));
        if let Some(folder) = folder.filter(|folder| !folder.contains('/')) {
            problems.extend(Manifest { path, text, folder }.check());
        }
    }
    problems
}

fn check_root(text: &str) -> Option<Problem> {
    let document: Option<Table> = text.parse().ok();
    let unsafe_code = document.as_ref().and_then(|root| {
        root.get("workspace")?
            .get("lints")?
            .get("rust")?
            .get("unsafe_code")?
            .as_str()
    });
    (unsafe_code != Some("forbid")).then(|| {
        Problem::new(
            ROOT,
            1,
            "[workspace.lints.rust] must say `unsafe_code = \"forbid\"`",
        )
    })
}

struct Manifest<'a> {
    path: &'a str,
    text: &'a str,
    folder: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Part of what is shipped, or able to change it from a build script.
    Shipped,
    /// Shipped only where a feature asks for it.
    Optional,
    /// Part of tests only.
    Development,
}

impl Manifest<'_> {
    fn check(&self) -> Vec<Problem> {
        let document: Table = match self.text.parse() {
            Ok(document) => document,
            Err(error) => return vec![self.problem("[", format!("no TOML: {error}"))],
        };
        let mut problems = Vec::new();
        let name = document
            .get("package")
            .and_then(|package| package.get("name"));
        let expected = format!("{PREFIX}{}", self.folder);
        if name.and_then(|name| name.as_str()) != Some(&expected) {
            let message = format!("the package in this folder is called `{expected}`");
            problems.push(self.problem("name", message));
        }
        let lints = document
            .get("lints")
            .and_then(|lints| lints.get("workspace"));
        if lints.and_then(toml::Value::as_bool) != Some(true) {
            problems.push(self.problem("[lints]", "needs [lints] with `workspace = true`"));
        }
        match ALLOWED.iter().find(|allowed| allowed.name == self.folder) {
            Some(allowed) => problems.extend(self.check_dependencies(&document, allowed)),
            None => problems.push(self.problem("name", "tidy has no allowed dependencies for it")),
        }
        problems
    }

    fn check_dependencies(&self, document: &Table, allowed: &Allowed) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, kind) in dependencies(document) {
            let message = match name.strip_prefix(PREFIX) {
                Some(inside) if allowed.inside.contains(&inside) => continue,
                // A test may build what its crate only sees through others.
                Some(inside) if kind == Kind::Development && stands_above(allowed, inside) => {
                    continue;
                }
                Some(inside) => format!("`{}` must not depend on `{inside}`", self.folder),
                None => match refusal(&allowed.outside, &name, kind) {
                    Some(reason) => format!("`{name}` {reason} `{}`", self.folder),
                    None => continue,
                },
            };
            problems.push(self.problem(&name, message));
        }
        problems
    }

    /// A problem on the first line that begins with `start`.
    fn problem(&self, start: &str, message: impl Into<String>) -> Problem {
        let line = self.text.lines().position(|line| line.starts_with(start));
        Problem::new(self.path, line.unwrap_or_default() + 1, message)
    }
}

/// Whether the arrows lead from `from` to `below`, over any number of crates.
fn stands_above(from: &Allowed, below: &str) -> bool {
    from.inside.iter().any(|&next| {
        let next = ALLOWED.iter().find(|allowed| allowed.name == next);
        next.is_some_and(|next| next.name == below || stands_above(next, below))
    })
}

fn refusal(outside: &Outside, name: &str, kind: Kind) -> Option<&'static str> {
    let Outside::Listed {
        always,
        with_feature,
    } = outside
    else {
        return None;
    };
    if kind == Kind::Development || always.contains(&name) {
        return None;
    }
    match (with_feature.contains(&name), kind) {
        (true, Kind::Optional) => None,
        (true, _) => Some("may only be an optional dependency of"),
        (false, _) => Some("is not on the list of what tidy allows"),
    }
}

/// Every dependency of a manifest under its package's name, also those of single targets.
fn dependencies(document: &Table) -> BTreeSet<(String, Kind)> {
    let targets = document.get("target").and_then(toml::Value::as_table);
    let tables = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(toml::Value::as_table);
    std::iter::once(document)
        .chain(tables)
        .flat_map(direct)
        .collect()
}

fn direct(table: &Table) -> Vec<(String, Kind)> {
    let sections = [
        ("dependencies", Kind::Shipped),
        ("dev-dependencies", Kind::Development),
        ("build-dependencies", Kind::Shipped),
    ];
    let mut found = Vec::new();
    for (section, kind) in sections {
        let entries = table.get(section).and_then(toml::Value::as_table);
        for (key, value) in entries.into_iter().flatten() {
            let name = value
                .get("package")
                .and_then(toml::Value::as_str)
                .unwrap_or(key);
            let optional = value.get("optional").and_then(toml::Value::as_bool) == Some(true);
            let kind = if optional { Kind::Optional } else { kind };
            found.push((name.to_owned(), kind));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::assert_problems;
    use super::*;

    const FORBIDS_UNSAFE: &str = "[workspace.lints.rust]\nunsafe_code = \"forbid\"";

    fn check_crate(folder: &str, dependencies: &str, expect: &[&str]) {
        let manifest = format!(
            "[package]\nname = \"foghorn-{folder}\"\n[lints]\nworkspace = true\n{dependencies}"
        );
        check_manifest(folder, &manifest, expect);
    }

    fn check_manifest(folder: &str, manifest: &str, expect: &[&str]) {
        let path = format!("crates/{folder}/Cargo.toml");
        let tree = Tree::of(&[(ROOT, FORBIDS_UNSAFE), (&path, manifest)]);
        assert_problems(&check(&tree), expect);
    }

    #[test]
    fn arrows_between_crates_have_one_direction() {
        check_crate(
            "session",
            "[dependencies]\nfoghorn-auth.workspace = true",
            &[],
        );
        check_crate(
            "server",
            "[dependencies]\nfoghorn-session.workspace = true",
            &[],
        );
        check_crate(
            "session",
            "[dependencies]\nfoghorn-channels.workspace = true",
            &["crates/session/Cargo.toml:6: `session` must not depend on `channels`"],
        );
        check_crate(
            "cluster",
            "[dev-dependencies]\nregistry = { package = \"foghorn-node\", path = \"../node\" }",
            &["crates/cluster/Cargo.toml:1: `cluster` must not depend on `node`"],
        );
        check_crate(
            "api",
            "[dev-dependencies]\nfoghorn-channels.workspace = true",
            &[],
        );
        check_crate(
            "api",
            "[dependencies]\nfoghorn-channels.workspace = true",
            &["crates/api/Cargo.toml:6: `api` must not depend on `channels`"],
        );
        check_crate(
            "xtask",
            "[dependencies]\nfoghorn-protocol.workspace = true",
            &["crates/xtask/Cargo.toml:6: `xtask` must not depend on `protocol`"],
        );
    }

    #[test]
    fn pure_crates_take_only_what_is_listed() {
        check_crate("auth", "[dependencies]\nhmac = \"1\"", &[]);
        check_crate("auth", "[dev-dependencies]\nproptest = \"1\"", &[]);
        check_crate("server", "[dependencies]\ntokio = \"1\"", &[]);
        for section in [
            "dependencies",
            "build-dependencies",
            "target.'cfg(unix)'.dependencies",
        ] {
            check_crate(
                "auth",
                &format!("[{section}]\ntokio = \"1\""),
                &[
                    "crates/auth/Cargo.toml:6: `tokio` is not on the list of what tidy allows \
                   `auth`",
                ],
            );
        }
    }

    #[test]
    fn some_dependencies_need_a_feature() {
        check_crate(
            "channels",
            "[dependencies]\nshuttle = { version = \"1\", optional = true }",
            &[],
        );
        check_crate(
            "channels",
            "[dependencies]\nshuttle = \"1\"",
            &[
                "crates/channels/Cargo.toml:6: `shuttle` may only be an optional dependency of \
               `channels`",
            ],
        );
    }

    #[test]
    fn crates_take_the_lints_and_the_name_of_the_workspace() {
        check_manifest(
            "auth",
            "[package]\nname = \"signing\"",
            &[
                "crates/auth/Cargo.toml:2: the package in this folder is called `foghorn-auth`",
                "crates/auth/Cargo.toml:1: needs [lints] with `workspace = true`",
            ],
        );
        check_crate(
            "metrics",
            "",
            &["crates/metrics/Cargo.toml:2: tidy has no allowed dependencies for it"],
        );
    }

    #[test]
    fn the_workspace_forbids_unsafe_code() {
        assert_problems(&check(&Tree::of(&[(ROOT, FORBIDS_UNSAFE)])), &[]);
        assert_problems(
            &check(&Tree::of(&[(
                ROOT,
                "[workspace.lints.rust]\nunsafe_code = \"deny\"",
            )])),
            &["Cargo.toml:1: [workspace.lints.rust] must say `unsafe_code = \"forbid\"`"],
        );
    }
}
