//! Installs what the tests need on a fresh Debian 12 that has Rust, Node and Python 3.
//!
//! A second run finds the stamps of the first and does nothing. Toolchains are the reader's to
//! install; this module only says which one is missing.

use crate::process;
use anyhow::{Context, Result, bail};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest Node that has the test runner the black-box tests use.
const OLDEST_NODE: u32 = 20;
/// The browser that the tests start; Debian's package of it has the same name.
const BROWSER: &str = "chromium";
/// Debian's package of it has the same name, too.
const VALGRIND: &str = "valgrind";
/// The proxy that clients are tested through, and its package.
const PROXY: &str = "nginx";
/// Where Debian puts it, which is not on the search path of every user.
const PROXY_FILE: &str = "/usr/sbin/nginx";
/// The databases that apps are tested in; tests start servers of their own. This is the package of
/// MariaDB that has no service.
const MARIADB: &str = "mariadb-server-core";
const MARIADB_FILE: &str = "/usr/sbin/mariadbd";
const POSTGRESQL: &str = "postgresql";
const POSTGRESQL_FOLDER: &str = "/usr/lib/postgresql";
/// Keeps the package of PostgreSQL from making a database, and so from starting a service for it.
const NO_CLUSTER: &str = "mkdir -p /etc/postgresql-common/createcluster.d && \
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/foghorn.conf";
/// Written into the folder that an installation filled, so that deleting the folder deletes it.
const STAMP: &str = ".foghorn-stamp";

/// The Python that runs the tests written in Python.
pub(crate) fn python(root: &Path) -> PathBuf {
    root.join("protocol-tests/.venv/bin/python")
}

/// Installs whatever is missing.
///
/// # Errors
/// When a toolchain is missing or too old, and when an installation fails.
pub(crate) fn run(root: &Path) -> Result<()> {
    let node = version_of("node")?;
    let major = major(&node).with_context(|| format!("`node --version` printed `{node}`"))?;
    if major < OLDEST_NODE {
        bail!("Node {OLDEST_NODE} or newer is needed, this is {node}");
    }
    let python = version_of("python3")?;
    require("npm", "it comes with Node, or as the package `npm`")?;

    install_system_packages()?;
    let tests = root.join("protocol-tests");
    install_npm_packages(&tests, &node)?;
    install_python_packages(&tests, &python)
}

fn require(tool: &str, hint: &str) -> Result<()> {
    match process::find(tool) {
        Some(_) => Ok(()),
        None => bail!("`{tool}` is not on the search path; {hint}"),
    }
}

fn version_of(tool: &str) -> Result<String> {
    require(
        tool,
        "the tests need Rust, Node 20 or newer (with npm) and Python 3",
    )?;
    Ok(process::capture(Command::new(tool).arg("--version"))?
        .trim()
        .to_owned())
}

fn major(version: &str) -> Option<u32> {
    version
        .trim_start_matches('v')
        .split('.')
        .next()?
        .parse()
        .ok()
}

fn install_system_packages() -> Result<()> {
    let mut missing = Vec::new();
    if process::find(BROWSER).is_none() {
        missing.push(BROWSER);
    }
    // The engine of the fuzz targets is C++.
    if process::find("c++").is_none() {
        missing.push("g++");
    }
    // It counts the instructions of the scenarios.
    if process::find(VALGRIND).is_none() {
        missing.push(VALGRIND);
    }
    if !Path::new(PROXY_FILE).exists() {
        missing.push(PROXY);
    }
    if !Path::new(MARIADB_FILE).exists() {
        missing.push(MARIADB);
    }
    if !Path::new(POSTGRESQL_FOLDER).exists() {
        missing.push(POSTGRESQL);
    }
    // Debian ships `venv` without the part that puts pip into the new environment.
    if !process::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"])) {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        return Ok(());
    }
    if missing.contains(&POSTGRESQL) && process::find("apt-get").is_some() {
        process::run(as_root()?.args(["sh", "-c", NO_CLUSTER]))?;
    }
    let names = missing.join(" ");
    if process::find("apt-get").is_none() {
        bail!("install these by hand, there is no apt-get here: {names}");
    }
    if !missing.iter().all(|name| has_candidate(name)) {
        process::run(apt_get()?.arg("update"))?;
    }
    if install(&missing).is_ok() {
        return Ok(());
    }
    // The lists name a version that the mirror has since replaced.
    process::run(apt_get()?.arg("update"))?;
    install(&missing).with_context(|| format!("cannot install {names}"))
}

fn install(packages: &[&str]) -> Result<()> {
    process::run(
        apt_get()?
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages),
    )
}

/// Whether the package lists on this machine offer `package`.
fn has_candidate(package: &str) -> bool {
    process::capture(Command::new("apt-cache").args(["policy", package]))
        .is_ok_and(|policy| offers(&policy))
}

fn offers(policy: &str) -> bool {
    let candidate = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "));
    candidate.is_some_and(|version| version != "(none)")
}

fn apt_get() -> Result<Command> {
    let mut command = as_root()?;
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    Ok(command)
}

/// A command that takes variables, a program and its arguments.
fn as_root() -> Result<Command> {
    let user = process::capture(Command::new("id").arg("-u"))?;
    if user.trim() == "0" {
        return Ok(Command::new("env"));
    }
    require("sudo", "run `cargo xtask setup` as root, or install sudo")?;
    Ok(Command::new("sudo"))
}

fn install_npm_packages(tests: &Path, node: &str) -> Result<()> {
    let wanted = fingerprint(&[
        node,
        &read(&tests.join("package.json"))?,
        &read(&tests.join("package-lock.json"))?,
    ]);
    once(&tests.join("node_modules"), &wanted, || {
        process::run(
            Command::new("npm")
                .current_dir(tests)
                .args(["ci", "--no-audit", "--no-fund"]),
        )
    })
}

fn install_python_packages(tests: &Path, python: &str) -> Result<()> {
    let requirements = tests.join("requirements.txt");
    let wanted = fingerprint(&[python, &read(&requirements)?]);
    let environment = tests.join(".venv");
    once(&environment, &wanted, || {
        let mut create = Command::new("python3");
        process::run(create.args(["-m", "venv", "--clear"]).arg(&environment))?;
        let mut pip = Command::new(environment.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--requirement",
        ]);
        process::run(pip.arg(&requirements))
    })
}

/// Runs `install` unless `folder` holds the stamp `wanted`, and stamps the folder afterwards.
fn once(folder: &Path, wanted: &str, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = folder.join(STAMP);
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    install()?;
    // An empty list of packages leaves no folder behind.
    std::fs::create_dir_all(folder)?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Tells whether the inputs of an installation changed. A different hash after a new Rust costs
/// one needless installation.
fn fingerprint(inputs: &[&str]) -> String {
    let mut hasher = DefaultHasher::new();
    inputs.hash(&mut hasher);
    format!("{:016x}\n", hasher.finish())
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn reads_the_major_version() {
        for (input, expect) in [
            ("v20.20.2", Some(20)),
            ("18.0.0", Some(18)),
            ("v9", Some(9)),
            ("nightly", None),
        ] {
            assert_eq!(major(input), expect, "{input}");
        }
    }

    #[test]
    fn knows_whether_the_package_lists_offer_a_package() {
        let check = |policy: &str, expect: bool| assert_eq!(offers(policy), expect, "{policy}");
        check("chromium:\n  Installed: (none)\n  Candidate: 156.0\n", true);
        check(
            "chromium:\n  Installed: (none)\n  Candidate: (none)\n",
            false,
        );
        check("", false);
    }

    #[test]
    fn installs_once_for_each_fingerprint() {
        let folder = std::env::temp_dir().join(format!("foghorn-setup-{}", std::process::id()));
        let runs = Cell::new(0);
        let attempt = |inputs: &[&str], outcome: fn() -> Result<()>| {
            once(&folder, &fingerprint(inputs), || {
                runs.set(runs.get() + 1);
                outcome()
            })
        };
        attempt(&["a", "b"], || bail!("no network")).unwrap_err();
        attempt(&["a", "b"], || Ok(())).unwrap();
        attempt(&["a", "b"], || Ok(())).unwrap();
        assert_eq!(runs.get(), 2, "a failure leaves no stamp, a success does");
        attempt(&["ab", ""], || Ok(())).unwrap();
        assert_eq!(runs.get(), 3, "other inputs install again");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
