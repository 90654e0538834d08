//! Rule: a relative link in a document leads to a file of the project.

use super::Problem;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(".md")) {
        for (line, target) in links(text) {
            let Some(file) = local_part(&target) else {
                continue;
            };
            let leads = resolve(path, file).is_some_and(|resolved| tree.has(&resolved));
            if !leads {
                problems.push(Problem::new(
                    path,
                    line,
                    format!("`{target}` leads nowhere"),
                ));
            }
        }
    }
    problems
}

/// The targets of inline links and of link definitions, with the numbers of their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    for (number, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(close)) if open == close => fence = None,
            (Some(_), _) => {}
            (None, None) => {
                let targets = targets(line);
                found.extend(targets.into_iter().map(|target| (number + 1, target)));
            }
        }
    }
    found
}

fn targets(line: &str) -> Vec<String> {
    // The odd pieces between backticks are code.
    let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let inline = prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'));
    let mut found: Vec<String> = inline.map(|(inside, _)| target(inside)).collect();
    if let Some((_, definition)) = prose
        .trim_start()
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "))
    {
        found.push(target(definition));
    }
    found
}

/// Drops a title and angle brackets.
fn target(inside: &str) -> String {
    let inside = inside.trim();
    match inside
        .strip_prefix('<')
        .and_then(|rest| rest.split_once('>'))
    {
        Some((target, _)) => target.to_owned(),
        None => inside
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

/// The file that `target` names, or nothing where it leads out of the project or stays on the page.
fn local_part(target: &str) -> Option<&str> {
    let scheme = target.split_once(':').map(|(scheme, _)| scheme);
    let leaves = scheme.is_some_and(|s| s.chars().all(|c| c.is_ascii_alphanumeric() || c == '+'));
    let file = target.split('#').next().unwrap_or_default();
    (!leaves && !file.is_empty()).then_some(file)
}

/// `file` as seen from the folder of `page`, as a path from the root; nothing if that is outside.
fn resolve(page: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::assert_problems;
    use super::*;

    fn check_page(text: &str, expect: &[&str]) {
        let tree = Tree::of(&[
            ("docs/page.md", text),
            ("docs/adr/0001.md", ""),
            ("LICENSE", ""),
        ]);
        assert_problems(&check(&tree), expect);
    }

    #[test]
    fn accepts_links_that_lead_somewhere() {
        check_page(
            "[a](adr/0001.md#why) and [b](<../LICENSE>) and [c](./adr/ \"ADRs\")",
            &[],
        );
        check_page(
            "[a]: adr/0001.md\n[b](#below) [c](https://example.com/x) [d](mailto:a@b.c)",
            &[],
        );
        check_page("```\n[a](none.md)\n```\nand `[b](none.md)`", &[]);
    }

    #[test]
    fn refuses_links_that_do_not() {
        check_page(
            "[a](page.md)\n[b](adr/0002.md#x) [c](../../LICENSE)\n[d]: none.md",
            &[
                "docs/page.md:2: `adr/0002.md#x` leads nowhere",
                "docs/page.md:2: `../../LICENSE` leads nowhere",
                "docs/page.md:3: `none.md` leads nowhere",
            ],
        );
    }
}
