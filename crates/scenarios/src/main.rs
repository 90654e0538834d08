//! Runs one scenario: `foghorn-scenarios NAME UNITS`.

use foghorn_scenarios::SCENARIOS;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let chosen = match &arguments[..] {
        [name, units] => SCENARIOS
            .iter()
            .find(|(known, _)| known == name)
            .zip(units.parse().ok()),
        _ => None,
    };
    match chosen {
        Some(((_, scenario), units)) => {
            scenario(units);
            ExitCode::SUCCESS
        }
        None => ExitCode::from(2),
    }
}
