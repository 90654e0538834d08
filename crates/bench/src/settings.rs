//! The settings of a run, as its result repeats them.

use foghorn_cli::Failure;
use serde::Serialize;
use serde_json::Value;

/// What was chosen, or by default.
pub(crate) fn settings(arguments: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(arguments)
        .map_err(|error| Failure::refused(format!("cannot write JSON: {error}")))
}
