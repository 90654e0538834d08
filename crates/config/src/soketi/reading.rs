//! How soketi reads the value of a variable: as JSON if it is some, as text otherwise.

use serde_json::Value;

/// What a variable's value stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// What the setting takes.
    Plain,
    /// Text that stays as it is even where it looks like a number. Only the quotes of a JSON
    /// string are taken off.
    Verbatim,
    /// True or false, also as 1 or 0.
    Flag,
    /// Milliseconds for a setting in seconds; rounded up, so that nothing ends sooner.
    Milliseconds,
    /// Units of 1,024 bytes for a setting in bytes; rounded down.
    Kilobytes,
    /// True for the log level `debug`. False leaves the level alone.
    Debug,
}

/// A value as its setting takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// The text for the setting.
    pub(crate) text: String,
    /// What to say before the setting's own complaint about the text.
    pub(crate) remark: String,
}

impl Reading {
    /// What [`Reading::Verbatim`] makes of a value.
    pub(crate) fn text(raw: &str) -> String {
        verbatim(raw)
    }

    /// The value as the setting takes it, `None` if it leaves the setting alone.
    ///
    /// # Errors
    /// What was expected, where the value is of no use to any setting.
    pub(crate) fn read(self, raw: &str) -> Result<Option<Read>, String> {
        let plain = plain(raw);
        let text = match self {
            Self::Verbatim => verbatim(raw),
            Self::Plain => plain,
            Self::Flag => truth(&plain)?.to_string(),
            Self::Debug => match truth(&plain)? {
                true => "debug".to_owned(),
                false => return Ok(None),
            },
            Self::Milliseconds => return convert(&plain, &MILLISECONDS).map(Some),
            Self::Kilobytes => return convert(&plain, &KILOBYTES).map(Some),
        };
        let remark = String::new();
        Ok(Some(Read { text, remark }))
    }
}

/// The text of a JSON string and the digits of a whole number; what is neither stays as it is.
pub(crate) fn plain(raw: &str) -> String {
    match serde_json::from_str(raw) {
        Ok(Value::String(text)) => text,
        Ok(Value::Number(number)) => match number.as_f64().and_then(whole) {
            Some(whole) => whole.to_string(),
            None => number.to_string(),
        },
        _ => raw.trim().to_owned(),
    }
}

fn verbatim(raw: &str) -> String {
    match serde_json::from_str(raw) {
        Ok(Value::String(text)) => text,
        _ => raw.to_owned(),
    }
}

fn truth(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

/// The number without its fraction, which is zero; beyond 2^53 doubles have no digits to rely on.
fn whole(number: f64) -> Option<i64> {
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let is_whole = number.fract() == 0.0 && number.abs() <= LARGEST;
    is_whole.then_some(number as i64)
}

/// A unit of soketi's and the setting's for the same thing.
struct Units {
    theirs: &'static str,
    ours: &'static str,
    convert: fn(f64) -> f64,
}

const MILLISECONDS: Units = Units {
    theirs: "milliseconds",
    ours: "seconds",
    convert: |number| (number / 1_000.0).ceil(),
};

const KILOBYTES: Units = Units {
    theirs: "KB",
    ours: "bytes",
    convert: |number| (number * 1_024.0).floor(),
};

fn convert(text: &str, units: &Units) -> Result<Read, String> {
    let number = text.parse().ok().filter(|&number: &f64| number >= 0.0);
    let converted = number.and_then(|number| whole((units.convert)(number)));
    let Some(converted) = converted else {
        return Err(format!("a number of {}", units.theirs));
    };
    Ok(Read {
        text: converted.to_string(),
        remark: format!("{text} {} are {converted} {}; ", units.theirs, units.ours),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Reading::{Debug, Flag, Kilobytes, Milliseconds, Plain, Verbatim};
    use super::*;

    #[test]
    fn values_are_json_or_text() {
        for (reading, raw, expect) in [
            (Plain, "6001", "6001"),
            (Plain, "\"6001\"", "6001"),
            (Plain, " 6001 ", "6001"),
            (Plain, "6001.0", "6001"),
            (Plain, "6e3", "6000"),
            (Plain, "1.5", "1.5"),
            (Plain, "-1", "-1"),
            (Plain, "0.0.0.0", "0.0.0.0"),
            (Plain, "\"a\\u0062\"", "ab"),
            (Plain, "{\"a\": 1}", "{\"a\": 1}"),
            (Verbatim, "4242", "4242"),
            (Verbatim, "\"4242\"", "4242"),
            (Verbatim, "0042", "0042"),
            (Verbatim, "1e3", "1e3"),
            (
                Verbatim,
                "12345678901234567890123",
                "12345678901234567890123",
            ),
            (Verbatim, "null", "null"),
            (Verbatim, "\"", "\""),
            (Flag, "true", "true"),
            (Flag, "\"false\"", "false"),
            (Flag, "1", "true"),
            (Flag, "0", "false"),
            (Debug, "1", "debug"),
            (Milliseconds, "3000", "3"),
            (Milliseconds, "\"3000\"", "3"),
            (Milliseconds, "3001", "4"),
            (Milliseconds, "0.5", "1"),
            (Milliseconds, "0", "0"),
            (Kilobytes, "100", "102400"),
            (Kilobytes, "0.5", "512"),
        ] {
            let read = reading.read(raw).unwrap().unwrap();
            assert_eq!(read.text, expect, "{reading:?} of {raw}");
        }
        assert_eq!(Debug.read("false"), Ok(None));
    }

    #[test]
    fn what_cannot_be_converted_is_refused() {
        for (reading, raw, expect) in [
            (Flag, "yes", "true or false"),
            (Debug, "2", "true or false"),
            (Milliseconds, "soon", "a number of milliseconds"),
            (Milliseconds, "-1", "a number of milliseconds"),
            (Milliseconds, "NaN", "a number of milliseconds"),
            (Kilobytes, "1e300", "a number of KB"),
            (Kilobytes, "inf", "a number of KB"),
        ] {
            assert_eq!(reading.read(raw), Err(expect.to_owned()), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_stay_themselves(number in -1_000_000_000_000_i64..1_000_000_000_000) {
            prop_assert_eq!(plain(&number.to_string()), number.to_string());
        }

        #[test]
        fn no_text_panics(raw: String) {
            for reading in [Plain, Verbatim, Flag, Milliseconds, Kilobytes, Debug] {
                let _ = reading.read(&raw);
            }
        }
    }
}
