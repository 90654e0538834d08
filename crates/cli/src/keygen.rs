//! `foghorn keygen`: credentials for a new app.

use clap::Args;
use data_encoding::HEXLOWER;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Output, OutputArguments, Report};
use crate::paint::Paint;

/// How to write the credentials.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    output: OutputArguments,
}

/// Some SDKs take only digits for an id, and one lower-cases keys.
#[derive(Debug, Serialize)]
struct App {
    id: String,
    key: String,
    secret: String,
}

/// What an app is made of: id, key, secret.
type Randomness = ([u8; 8], [u8; 10], [u8; 20]);

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut bytes: Randomness = Default::default();
    let (id, key, secret) = &mut bytes;
    for part in [&mut id[..], key, secret] {
        getrandom::fill(part)
            .map_err(|error| Failure::refused(format!("no random numbers: {error}")))?;
    }
    Output::open(&arguments.output).report(&App::from_random(bytes))
}

impl App {
    fn from_random((id, key, secret): Randomness) -> Self {
        // Seven digits, the first one not zero.
        let id = 1_000_000 + u64::from_be_bytes(id) % 9_000_000;
        Self {
            id: id.to_string(),
            key: HEXLOWER.encode(&key),
            secret: HEXLOWER.encode(&secret),
        }
    }
}

impl Report for App {
    fn people(&self, paint: Paint) -> String {
        let Self { id, key, secret } = self;
        let heading = paint.name("[[apps]]");
        format!("{heading}\nid = \"{id}\"\nkey = \"{key}\"\nsecret = \"{secret}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_seven_digits_and_the_rest_is_lower_case_hex() {
        for (id, expect) in [([0; 8], "1000000"), ([0xff; 8], "2551615")] {
            let app = App::from_random((id, [0xab; 10], [0x01; 20]));
            assert_eq!(app.id, expect);
            assert_eq!(app.key, "ab".repeat(10));
            assert_eq!(app.secret, "01".repeat(20));
        }
    }

    #[test]
    fn people_get_what_a_configuration_file_takes() {
        let app = App::from_random(Randomness::default());
        let expect = format!(
            "[[apps]]\nid = \"1000000\"\nkey = \"{}\"\nsecret = \"{}\"",
            "0".repeat(20),
            "0".repeat(40)
        );
        assert_eq!(app.people(Paint::PLAIN), expect);
    }
}
