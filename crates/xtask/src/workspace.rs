//! Where the workspace is, where cargo builds, and which crates must stay pure.

use crate::process;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The crates that hold behaviour only: no runtime, sockets, files, environment, threads, clocks
/// or global randomness. The names are the folders' under `crates/`.
pub(crate) const PURE: [&str; 9] = [
    "protocol", "auth", "session", "channels", "cluster", "webhooks", "node", "api", "config",
];

/// What every package name of the workspace begins with.
pub(crate) const PREFIX: &str = "foghorn-";

/// The folder of the workspace's manifest, found from the current folder.
///
/// # Errors
/// When cargo finds no workspace.
pub(crate) fn root() -> Result<PathBuf> {
    let mut locate = process::cargo();
    locate.args(["locate-project", "--workspace", "--message-format", "plain"]);
    let manifest = process::capture(&mut locate)?;
    let root = Path::new(manifest.trim_end())
        .parent()
        .context("the manifest is in no folder")?;
    Ok(root.to_path_buf())
}

/// The folder that cargo builds into, whoever chose it: the environment, a configuration file or
/// nobody.
///
/// # Errors
/// When `cargo metadata` fails or names no folder.
pub(crate) fn target_directory(root: &Path) -> Result<PathBuf> {
    let mut metadata = process::cargo();
    metadata
        .current_dir(root)
        .args(["metadata", "--format-version", "1", "--no-deps"]);
    let json = process::capture(&mut metadata)?;
    string_field(&json, "target_directory")
        .map(PathBuf::from)
        .context("`cargo metadata` names no target directory")
}

/// The value of the first string field `name` in `json`. One field of one known document is not
/// worth a JSON parser in the build of every developer.
fn string_field(json: &str, name: &str) -> Option<String> {
    let start = json.split_once(&format!("\"{name}\":\""))?.1;
    let mut value = String::new();
    let mut characters = start.chars();
    loop {
        match characters.next()? {
            '"' => return Some(value),
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_string_field() {
        let check = |json: &str, expect: Option<&str>| {
            assert_eq!(string_field(json, "dir").as_deref(), expect, "{json}");
        };
        check(r#"{"a":1,"dir":"/x/y","b":""}"#, Some("/x/y"));
        check(r#"{"dir":"C:\\x \"y\""}"#, Some(r#"C:\x "y""#));
        check(r#"{"other":"/x"}"#, None);
        check(r#"{"dir":"/x"#, None);
    }
}
