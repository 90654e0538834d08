//! Starting other programs: echoed, with their failure turned into an error that names them.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The cargo that started this program, so that one toolchain builds everything.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs `command` with this program's input and output.
///
/// # Errors
/// When it cannot be started, or ends with anything but success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = render(command);
    println!("$ {shown}");
    let status = command
        .status()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// Like [`run`], but kills the program after `limit`: for downloads that a closed network leaves
/// hanging instead of refusing.
///
/// # Errors
/// As [`run`], and when the limit passes.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    const STEP: Duration = Duration::from_millis(100);
    let shown = render(command);
    println!("$ {shown}");
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    let mut waited = Duration::ZERO;
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => bail!("`{shown}` failed: {status}"),
            None if waited >= limit => {
                child.kill()?;
                child.wait()?;
                bail!("`{shown}` did not end within {} s", limit.as_secs());
            }
            None => {
                std::thread::sleep(STEP);
                waited += STEP;
            }
        }
    }
}

/// What `command` writes to its standard output.
///
/// # Errors
/// When it cannot be started or fails (with what it wrote to its standard error), or when the
/// output is not UTF-8.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let shown = render(command);
    let output = command
        .output()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` failed: {}\n{}", output.status, said.trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed no UTF-8"))
}

/// Whether `command` can be started and succeeds; what it prints is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Where the search path has `tool`.
pub(crate) fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(tool))
        .find(|file| file.is_file())
}

fn render(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    // The full path of cargo inside its toolchain says nothing to the reader.
    let name = program.file_name().unwrap_or(command.get_program());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command() {
        let missing = run(&mut Command::new("foghorn-no-such-program")).unwrap_err();
        assert!(
            format!("{missing:#}").contains("foghorn-no-such-program"),
            "{missing:#}"
        );

        let failing = capture(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        let text = failing.to_string();
        assert!(
            text.contains("sh -c") && text.contains("why") && text.contains('3'),
            "{text}"
        );
    }

    #[test]
    fn a_hanging_program_is_ended() {
        let limit = Duration::from_millis(100);
        let error = run_within(Command::new("sleep").arg("60"), limit).unwrap_err();
        assert!(error.to_string().contains("did not end"), "{error}");
    }

    #[test]
    fn finds_what_the_search_path_has() {
        assert!(find("sh").is_some());
        assert!(find("foghorn-no-such-program").is_none());
    }
}
