//! What a setting's value may be: how it is read from a file or a text, and written back.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use foghorn_protocol::{Ceiling, Rate};
use serde_json::Value as Json;
use toml::de::DeValue;

use super::problem::printable;

/// A value as it was found, before anybody knows whether it fits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'a> {
    /// In the file, where values have types.
    Typed(&'a DeValue<'a>),
    /// In JSON, where they have, too.
    Json(&'a Json),
    /// In the environment or on the command line, where everything is text.
    Text(&'a str),
}

/// Why a value does not fit its setting.
#[derive(Debug)]
pub(super) struct Mismatch {
    /// What is wrong, without the value of a secret.
    pub(super) message: String,
    /// The valid value that was probably meant.
    pub(super) suggestion: Option<String>,
}

/// What numbers a setting takes, and what they count. Other values ignore it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    min: i64,
    max: i64,
    unit: &'static str,
}

/// A type that settings can have.
pub(super) trait Value: Sized {
    /// The only texts that are valid, if they can be listed.
    const CHOICES: &'static [&'static str] = &[];

    /// The value, if `found` is one.
    fn read(found: Found<'_>, bounds: Bounds) -> Option<Self>;

    /// What `read` accepts, to follow the word "expected".
    fn expected(bounds: Bounds) -> String;

    /// The value as the file would have it. What it writes is JSON, too.
    fn literal(&self) -> String;

    /// What was found instead, to follow the word "found". Types that hold secrets, or beside which
    /// secrets are easily written, show the kind only.
    fn describe(found: Found<'_>) -> String {
        found.describe()
    }
}

/// Reads a value or says why it cannot be one.
pub(super) fn read<V: Value>(found: Found<'_>, bounds: Bounds) -> Result<V, Mismatch> {
    V::read(found, bounds).ok_or_else(|| Mismatch {
        message: format!(
            "expected {}, found {}",
            V::expected(bounds),
            V::describe(found)
        ),
        suggestion: found.text().and_then(|text| {
            super::problem::nearest(
                text,
                text,
                V::CHOICES.iter().map(|&choice| choice.to_owned()),
            )
        }),
    })
}

impl Bounds {
    /// For values that are not numbers.
    pub(super) const NONE: Self = Self::count(i64::MIN, i64::MAX, "");

    /// From `min` to `max` of something.
    pub(super) const fn count(min: i64, max: i64, unit: &'static str) -> Self {
        Self { min, max, unit }
    }

    /// From `min` to `max` seconds.
    pub(super) const fn seconds(min: i64, max: i64) -> Self {
        Self::count(min, max, "seconds")
    }

    /// From `min` to `max` milliseconds.
    pub(super) const fn milliseconds(min: i64, max: i64) -> Self {
        Self::count(min, max, "milliseconds")
    }

    /// From `min` to `max` bytes.
    pub(super) const fn bytes(min: i64, max: i64) -> Self {
        Self::count(min, max, "bytes")
    }

    fn hold(self, number: i64) -> bool {
        (self.min..=self.max).contains(&number)
    }

    fn expected(self) -> String {
        let of = if self.unit.is_empty() { "" } else { " of " };
        let Self { min, max, unit } = self;
        format!("a whole number{of}{unit} from {min} to {max}")
    }
}

impl<'a> Found<'a> {
    fn boolean(self) -> Option<bool> {
        match self {
            Self::Typed(value) => value.as_bool(),
            Self::Json(value) => value.as_bool(),
            Self::Text(text) => text.parse().ok(),
        }
    }

    pub(super) fn integer(self) -> Option<i64> {
        match self {
            Self::Typed(value) => {
                let integer = value.as_integer()?;
                i64::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            Self::Json(value) => value.as_i64().or_else(|| value.as_f64().and_then(whole)),
            Self::Text(text) => text.parse().ok(),
        }
    }

    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Self::Typed(value) => value.as_str(),
            Self::Json(value) => value.as_str(),
            Self::Text(text) => Some(text),
        }
    }

    /// The elements of a list: an array in the file, between commas elsewhere. `None` if it is no
    /// list, or one of its elements is no text.
    pub(super) fn texts(self) -> Option<Vec<&'a str>> {
        match self {
            Self::Typed(value) => {
                let elements = value.as_array()?.iter();
                elements.map(|element| element.get_ref().as_str()).collect()
            }
            Self::Json(value) => {
                let elements = value.as_array()?.iter();
                elements.map(Json::as_str).collect()
            }
            Self::Text(text) => Some(text.split(',').map(str::trim).collect()),
        }
    }

    /// The value itself where it is short, its kind elsewhere.
    pub(super) fn describe(self) -> String {
        match (self, self.text()) {
            // A quote too many swallows the lines that follow, and one may hold a secret.
            (_, Some(text)) if text.contains('\n') => "text of several lines".to_owned(),
            (_, Some(text)) => format!("\"{}\"", printable(text)),
            (Self::Typed(DeValue::Integer(number)), _) => number_of(number),
            (Self::Typed(DeValue::Float(number)), _) => number_of(number),
            (Self::Typed(DeValue::Boolean(value)), _) => value.to_string(),
            (Self::Json(Json::Number(number)), _) => number_of(number),
            (Self::Json(Json::Bool(value)), _) => value.to_string(),
            _ => self.kind().to_owned(),
        }
    }

    /// What kind of value it is, without the value.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Text("") => "empty text",
            Self::Text(_) => "other text",
            Self::Typed(value) => match value {
                DeValue::String(text) if text.is_empty() => "empty text",
                DeValue::String(_) => "other text",
                DeValue::Integer(_) => "a whole number",
                DeValue::Float(_) => "a number with a fraction",
                DeValue::Boolean(_) => "true or false",
                DeValue::Datetime(_) => "a date or time",
                DeValue::Array(_) => "an array",
                DeValue::Table(_) => "a table",
            },
            Self::Json(value) => match value {
                Json::String(text) if text.is_empty() => "empty text",
                Json::String(_) => "other text",
                Json::Number(number) if number.is_f64() => "a number with a fraction",
                Json::Number(_) => "a whole number",
                Json::Bool(_) => "true or false",
                Json::Null => "null",
                Json::Array(_) => "an array",
                Json::Object(_) => "an object",
            },
        }
    }
}

fn number_of(digits: &impl fmt::Display) -> String {
    format!("the number {}", printable(&digits.to_string()))
}

/// The text as a TOML string.
pub(super) fn quoted(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

impl Value for bool {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        found.boolean()
    }

    fn expected(_: Bounds) -> String {
        "true or false".to_owned()
    }

    fn literal(&self) -> String {
        self.to_string()
    }
}

macro_rules! whole_numbers {
    ($($number:ty),+) => { $(
        impl Value for $number {
            fn read(found: Found<'_>, bounds: Bounds) -> Option<Self> {
                let number = found.integer().filter(|&number| bounds.hold(number))?;
                number.try_into().ok()
            }

            fn expected(bounds: Bounds) -> String {
                bounds.expected()
            }

            fn literal(&self) -> String {
                self.to_string()
            }
        }
    )+ };
}

whole_numbers!(u16, u32, usize);

/// Whole seconds.
impl Value for Duration {
    fn read(found: Found<'_>, bounds: Bounds) -> Option<Self> {
        let seconds = found.integer().filter(|&number| bounds.hold(number))?;
        seconds.try_into().ok().map(Self::from_secs)
    }

    fn expected(bounds: Bounds) -> String {
        bounds.expected()
    }

    fn literal(&self) -> String {
        self.as_secs().to_string()
    }
}

/// Some writers of JSON give whole numbers a fraction of zero, and its schemas do not mind.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = (1_i64 << 53) as f64;
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

/// −1 is no limit, as everywhere among Pusher's peers.
macro_rules! limits {
    ($($limit:ty: $of:ident),+) => { $(
        impl Value for $limit {
            fn read(found: Found<'_>, bounds: Bounds) -> Option<Self> {
                match found.integer()? {
                    -1 => Some(Self::Unlimited),
                    number if bounds.hold(number) => number.try_into().ok().map(Self::$of),
                    _ => None,
                }
            }

            fn expected(bounds: Bounds) -> String {
                format!("{}, or -1 for no limit", bounds.expected())
            }

            fn literal(&self) -> String {
                match self {
                    Self::$of(number) => number.to_string(),
                    Self::Unlimited => "-1".to_owned(),
                }
            }
        }
    )+ };
}

limits!(Rate: PerSecond, Ceiling: AtMost);

/// `localhost` is 127.0.0.1: which address a resolver makes of it is no part of a configuration.
impl Value for IpAddr {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        match found.text()? {
            "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
            text => text.parse().ok(),
        }
    }

    fn expected(_: Bounds) -> String {
        "an IP address or \"localhost\"".to_owned()
    }

    fn literal(&self) -> String {
        quoted(&self.to_string())
    }
}

/// Any text.
impl Value for String {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        found.text().map(str::to_owned)
    }

    fn expected(_: Bounds) -> String {
        "text".to_owned()
    }

    fn literal(&self) -> String {
        quoted(self)
    }
}
