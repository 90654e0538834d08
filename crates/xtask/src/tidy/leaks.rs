//! Rule: no file names a path of the machine it was written on, or the host of a package registry.

use super::Problem;
use super::tree::Tree;

// Written in two halves, so that this file does not break its own rule.
const FOLDERS: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
];
const HOSTS: [&str; 7] = [
    concat!("crates", ".io"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("deb.debian", ".org"),
    concat!("proxy.golang", ".org"),
];
/// Cargo writes its registry's address into every entry of a file of this name.
const NAMES_ITS_REGISTRY: &str = "Cargo.lock";

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.iter() {
        for (number, line) in text.lines().enumerate() {
            let folders = FOLDERS
                .into_iter()
                .filter(|folder| names_folder(line, folder));
            let messages = folders.map(|folder| format!("`{folder}…` is a path of one machine"));
            problems.extend(messages.map(|message| Problem::new(path, number + 1, message)));
            if path.rsplit('/').next() == Some(NAMES_ITS_REGISTRY) {
                continue;
            }
            let hosts = HOSTS.into_iter().filter(|host| names_host(line, host));
            let messages = hosts.map(|host| format!("`{host}` is the host of a package registry"));
            problems.extend(messages.map(|message| Problem::new(path, number + 1, message)));
        }
    }
    problems
}

/// Whether `line` has a path that begins with `folder` and goes on.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + folder.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(is_path_character) && after.is_some_and(is_path_character)
    })
}

fn names_host(line: &str, host: &str) -> bool {
    line.match_indices(host).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + host.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

fn is_path_character(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::super::assert_problems;
    use super::*;

    fn check_line(path: &str, line: &str, expect: &[&str]) {
        assert_problems(&check(&Tree::of(&[(path, line)])), expect);
    }

    #[test]
    fn refuses_machine_paths() {
        check_line(
            "a.md",
            "work/here, /workshop, src/work/a, and a bare /home/ or </root/>",
            &[],
        );
        for folder in FOLDERS {
            check_line(
                "a.md",
                &format!("\nsee {folder}main"),
                &[&format!("a.md:2: `{folder}…` is a path of one machine")],
            );
        }
    }

    #[test]
    fn refuses_registry_hosts() {
        check_line("a.md", "install it with npm, pip or cargo", &[]);
        for host in HOSTS {
            let said = format!("`{host}` is the host of a package registry");
            check_line(
                "a.md",
                &format!("see www.{host}/x"),
                &[&format!("a.md:1: {said}")],
            );
            check_line("a.md", &format!("my{host}"), &[]);
            check_line(NAMES_ITS_REGISTRY, &format!("{host}-index"), &[]);
            check_line("tests/a/Cargo.lock", &format!("{host}-index"), &[]);
            check_line("MyCargo.lock", host, &[&format!("MyCargo.lock:1: {said}")]);
        }
    }
}
