//! Runs one scenario: `foghorn-scenarios NAME UNITS`.
#![expect(clippy::print_stderr, reason = "the usage is for people")]

use foghorn_scenarios::SCENARIOS;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, units] = &arguments[..] else {
        return refuse();
    };
    let scenario = SCENARIOS.iter().find(|(known, _)| known == name);
    match (scenario, units.parse()) {
        (Some((_, run)), Ok(units)) => {
            run(units);
            ExitCode::SUCCESS
        }
        _ => refuse(),
    }
}

fn refuse() -> ExitCode {
    let names = SCENARIOS.map(|(name, _)| name).join(", ");
    eprintln!("Usage: foghorn-scenarios NAME UNITS, where NAME is one of {names}");
    ExitCode::FAILURE
}
