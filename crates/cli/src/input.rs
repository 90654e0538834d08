//! Values given on the command line, in a file or at standard input.

use std::io::Read as _;
use std::path::Path;

use crate::failure::Failure;

/// What `-` stands for.
const STANDARD_INPUT: &str = "-";

/// The bytes that an argument means: `-` is all of standard input, `@FILE` is a file, anything
/// else is itself.
pub(crate) fn bytes(argument: &str) -> Result<Vec<u8>, Failure> {
    if argument == STANDARD_INPUT {
        return standard_input();
    }
    match argument.strip_prefix('@') {
        Some(path) => read(Path::new(path)),
        None => Ok(argument.as_bytes().to_vec()),
    }
}

/// The same as text.
pub(crate) fn text(argument: &str) -> Result<String, Failure> {
    String::from_utf8(bytes(argument)?)
        .map_err(|_| Failure::usage(format!("{argument} is not valid UTF-8")))
}

/// The bytes of a file, or of standard input for `-`.
pub(crate) fn file(path: &Path) -> Result<Vec<u8>, Failure> {
    if path.as_os_str() == STANDARD_INPUT {
        standard_input()
    } else {
        read(path)
    }
}

fn standard_input() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(format!("cannot read standard input: {error}")))?;
    Ok(bytes)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))
}
