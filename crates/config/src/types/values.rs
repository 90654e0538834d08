//! How these types are read and written.

use std::net::IpAddr;

use foghorn_protocol::{OriginPattern, Origins};
use ipnet::IpNet;

use super::super::database::DatabaseLayout;
use super::super::value::{Bounds, Found, Value, quoted};
use super::{
    AppId, AppKey, BearerToken, FilePath, FolderPath, HostName, LogFilter, LogFormat,
    MaxConnections, Milliseconds, Networks, OverQuotaCode, PathPrefix, QuotaStatus, SecretText,
    WebhookStore,
};

/// Bytes of the longest id or key of an app: what databases can hold, and strangers ask for.
const LONGEST_NAME: usize = 255;

/// Whether an app can have this id, or, unless it has a colon, this key.
#[must_use]
pub fn is_app_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME && is_path_segment(text)
}

/// Whether a client can put `text` between two slashes of a URL without encoding it.
fn is_path_segment(text: &str) -> bool {
    let breaks = |c: char| c.is_whitespace() || c.is_control() || "/?#%".contains(c);
    !text.is_empty() && !text.contains(breaks)
}

impl Value for AppId {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        // Ids are text, but most are all digits and easily written without quotes.
        if let Some(number) = found.integer().filter(|&number| number >= 0) {
            return Some(Self(found.text().map_or(number.to_string(), str::to_owned)));
        }
        let text = found.text().filter(|text| is_app_name(text))?;
        Some(Self(text.to_owned()))
    }

    fn expected(_: Bounds) -> String {
        "text of 1 to 255 bytes without spaces and / ? # %".to_owned()
    }

    fn literal(&self) -> String {
        quoted(&self.0)
    }
}

impl Value for AppKey {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        let text = found.text().filter(|text| is_app_name(text))?;
        (!text.contains(':')).then(|| Self(text.to_owned()))
    }

    fn expected(_: Bounds) -> String {
        "text of 1 to 255 bytes without spaces and : / ? # %".to_owned()
    }

    fn literal(&self) -> String {
        quoted(&self.0)
    }

    // What looks like a bad key is often `key:secret`.
    fn describe(found: Found<'_>) -> String {
        found.kind().to_owned()
    }
}

impl Value for SecretText {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        let text = found.text().filter(|text| !text.is_empty())?;
        Some(Self(text.to_owned()))
    }

    fn expected(_: Bounds) -> String {
        "text that is not empty".to_owned()
    }

    // The empty default is no secret, and the example file shows it.
    fn literal(&self) -> String {
        quoted(if self.0.is_empty() { "" } else { "…" })
    }

    fn describe(found: Found<'_>) -> String {
        found.kind().to_owned()
    }
}

impl Value for PathPrefix {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        let text = found.text()?;
        let valid = match text.strip_prefix('/') {
            None => text.is_empty(),
            Some(rest) => rest.split('/').all(is_path_segment),
        };
        valid.then(|| Self(text.to_owned()))
    }

    fn expected(_: Bounds) -> String {
        "\"\" or a path that starts with / and does not end with it".to_owned()
    }

    fn literal(&self) -> String {
        quoted(&self.0)
    }
}

impl Value for HostName {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        let text = found.text()?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let is_label = |label: &str| !label.is_empty() && label.chars().all(fits);
        let is_name = text.is_empty() || text.split('.').all(is_label);
        is_name.then(|| Self(text.to_owned()))
    }

    fn expected(_: Bounds) -> String {
        "the name of a host without a port, or \"\" for none".to_owned()
    }

    fn literal(&self) -> String {
        quoted(&self.0)
    }
}

impl Value for FilePath {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        found.text().map(|text| Self(text.to_owned()))
    }

    fn expected(_: Bounds) -> String {
        "the name of a file, or \"\" for none".to_owned()
    }

    fn literal(&self) -> String {
        quoted(&self.0)
    }
}

impl Value for FolderPath {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        let text = found.text().filter(|text| !text.is_empty())?;
        Some(Self(text.to_owned()))
    }

    fn expected(_: Bounds) -> String {
        "the name of a folder".to_owned()
    }

    fn literal(&self) -> String {
        quoted(&self.0)
    }
}

impl Value for Milliseconds {
    fn read(found: Found<'_>, bounds: Bounds) -> Option<Self> {
        u32::read(found, bounds).map(Self)
    }

    fn expected(bounds: Bounds) -> String {
        u32::expected(bounds)
    }

    fn literal(&self) -> String {
        self.0.to_string()
    }
}

impl Value for BearerToken {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        let text = found.text()?;
        let ends_it = |c: char| c.is_whitespace() || c.is_control();
        (!text.contains(ends_it)).then(|| Self(SecretText(text.to_owned())))
    }

    fn expected(_: Bounds) -> String {
        "text without spaces, or \"\" for none".to_owned()
    }

    fn literal(&self) -> String {
        self.0.literal()
    }

    fn describe(found: Found<'_>) -> String {
        found.kind().to_owned()
    }
}

/// A single address is a network of its own.
fn network(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(address)
}

impl Value for Networks {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        let texts = found.texts()?.into_iter().filter(|text| !text.is_empty());
        texts.map(network).collect::<Option<_>>().map(Self)
    }

    fn expected(_: Bounds) -> String {
        "a list of IP addresses or networks such as \"10.0.0.0/8\"".to_owned()
    }

    fn literal(&self) -> String {
        let networks: Vec<_> = self.0.iter().map(|net| quoted(&net.to_string())).collect();
        format!("[{}]", networks.join(", "))
    }
}

impl Value for LogFilter {
    const CHOICES: &'static [&'static str] = &["error", "warn", "info", "debug", "trace", "off"];

    // A bare word could also be a target, but is more often a level misspelt.
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        let text = found.text()?;
        let ends_with_level = |directive: &str| {
            let level = directive.rsplit('=').next().unwrap_or_default().trim();
            Self::CHOICES.contains(&level.to_ascii_lowercase().as_str())
        };
        text.split(',')
            .all(ends_with_level)
            .then(|| Self(text.to_owned()))
    }

    fn expected(_: Bounds) -> String {
        "error, warn, info, debug, trace, off or a list such as \"info,foghorn=debug\"".to_owned()
    }

    fn literal(&self) -> String {
        quoted(&self.0)
    }
}

/// Types with a few values, each of which has a name.
macro_rules! choices {
    ($($choice:ty { $($value:ident = $name:literal),+ })+) => { $(
        impl Value for $choice {
            const CHOICES: &'static [&'static str] = &[$($name),+];

            fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
                match found.text()? {
                    $($name => Some(Self::$value),)+
                    _ => None,
                }
            }

            fn expected(_: Bounds) -> String {
                let names: Vec<_> = Self::CHOICES.iter().map(|name| quoted(name)).collect();
                names.join(" or ")
            }

            fn literal(&self) -> String {
                match self {
                    $(Self::$value => quoted($name),)+
                }
            }
        }
    )+ };
}

choices! {
    LogFormat { Text = "text", Json = "json" }
    WebhookStore { Disk = "disk", Memory = "memory" }
    DatabaseLayout { Foghorn = "foghorn", Soketi = "soketi" }
}

impl Value for MaxConnections {
    fn read(found: Found<'_>, bounds: Bounds) -> Option<Self> {
        match u32::read(found, bounds)? {
            0 => Some(Self::FileDescriptors),
            number => Some(Self::AtMost(number)),
        }
    }

    fn expected(bounds: Bounds) -> String {
        u32::expected(bounds)
    }

    fn literal(&self) -> String {
        match self {
            Self::FileDescriptors => "0".to_owned(),
            Self::AtMost(number) => number.to_string(),
        }
    }
}

/// Types with a few values, each of which has a number.
macro_rules! codes {
    ($($code:ty { $($value:ident = $number:literal),+ })+) => { $(
        impl Value for $code {
            fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
                match found.integer()? {
                    $($number => Some(Self::$value),)+
                    _ => None,
                }
            }

            fn expected(_: Bounds) -> String {
                [$(stringify!($number)),+].join(" or ")
            }

            fn literal(&self) -> String {
                match self {
                    $(Self::$value => stringify!($number).to_owned(),)+
                }
            }
        }
    )+ };
}

codes! {
    OverQuotaCode { OverConnectionQuota = 4004, OverCapacity = 4100 }
    QuotaStatus { Forbidden = 403, PaymentRequired = 402 }
}

impl Value for Origins {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        let patterns = found.texts()?.into_iter().map(OriginPattern::parse);
        Self::new(patterns.collect::<Result<_, _>>().ok()?)
    }

    fn expected(_: Bounds) -> String {
        "a list of \"*\", \"null\", \"https://host\", \"https://host:port\", \"host\" or \
         \"*.host\", without paths"
            .to_owned()
    }

    fn literal(&self) -> String {
        let patterns = self.patterns().iter();
        let patterns: Vec<_> = patterns
            .map(|pattern| quoted(&pattern.to_string()))
            .collect();
        format!("[{}]", patterns.join(", "))
    }

    // Of a list, the first element that is wrong.
    fn describe(found: Found<'_>) -> String {
        let is_wrong = |text: &&str| OriginPattern::parse(text).is_err();
        match found.texts() {
            Some(texts) if texts.is_empty() => "an empty list".to_owned(),
            Some(texts) => match texts.into_iter().find(is_wrong) {
                Some(wrong) => Found::Text(wrong).describe(),
                None => found.describe(),
            },
            None => found.describe(),
        }
    }
}
