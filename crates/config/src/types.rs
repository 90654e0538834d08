//! The types of values that only a configuration has.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use foghorn_protocol::{OriginPattern, Origins};
use ipnet::IpNet;

use super::value::{Bounds, Found, Value, quoted};

/// An app's secret. No way of printing it shows it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretText(String);

/// An app's id: the segment of the HTTP API's paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppId(String);

/// The public half of a key pair: the last segment of the WebSocket path, and what precedes the
/// colon in a subscription's `auth`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppKey(String);

/// What precedes every path of the server: nothing, or `/` and a text that does not end with `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathPrefix(String);

/// The name of a host, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostName(String);

/// A file to be read at the start, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePath(String);

/// Addresses and networks of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// Which log lines are written: a level, or a list of levels by target such as
/// `info,foghorn=debug`. The subscriber of the log parses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How many connections one node takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxConnections {
    /// As many as the process may open files.
    FileDescriptors,
    /// At most this many.
    AtMost(u32),
}

/// How a connection is closed that would be one more than its app's `max_connections`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverQuotaCode {
    /// 4004, after which clients stop trying.
    OverConnectionQuota,
    /// 4100, after which clients come back every second; soketi's.
    OverCapacity,
}

impl FilePath {
    /// The file, if there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        (!self.0.is_empty()).then(|| Path::new(&self.0))
    }
}

impl Networks {
    /// Whether one of them holds the address.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        // A listener on :: sees IPv4 clients under mapped addresses.
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl SecretText {
    /// The secret itself, for the code that makes keys of it and nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl fmt::Display for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

macro_rules! texts {
    ($($text:ty),+) => { $(
        impl $text {
            /// The text as it was configured.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    )+ };
}

texts!(AppId, AppKey, PathPrefix, LogFilter);

impl HostName {
    /// The name, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|name| !name.is_empty())
    }
}

impl PathPrefix {
    /// What clients put in front of the paths of the fallback transports.
    pub(super) fn of_pusher() -> Self {
        Self("/pusher".to_owned())
    }
}

impl LogFilter {
    /// Everything an operator wants to see of a healthy server.
    pub(super) fn info() -> Self {
        Self("info".to_owned())
    }
}

/// The credentials that the Pusher world knows for development: id, key and secret are public.
pub(super) fn development_credentials() -> (AppId, AppKey, SecretText) {
    (
        AppId("app-id".to_owned()),
        AppKey("app-key".to_owned()),
        SecretText("app-secret".to_owned()),
    )
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
        let text = found.text().filter(|text| is_path_segment(text))?;
        Some(Self(text.to_owned()))
    }

    fn expected(_: Bounds) -> String {
        "text that is not empty, without spaces and / ? # %".to_owned()
    }

    fn literal(&self) -> String {
        quoted(&self.0)
    }
}

impl Value for AppKey {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        let text = found.text().filter(|text| is_path_segment(text))?;
        (!text.contains(':')).then(|| Self(text.to_owned()))
    }

    fn expected(_: Bounds) -> String {
        "text that is not empty, without spaces and : / ? # %".to_owned()
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

impl Value for LogFormat {
    const CHOICES: &'static [&'static str] = &["text", "json"];

    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        match found.text()? {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    fn expected(_: Bounds) -> String {
        "\"text\" or \"json\"".to_owned()
    }

    fn literal(&self) -> String {
        let name = match self {
            Self::Text => "text",
            Self::Json => "json",
        };
        quoted(name)
    }
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

impl Value for OverQuotaCode {
    fn read(found: Found<'_>, _: Bounds) -> Option<Self> {
        match found.integer()? {
            4004 => Some(Self::OverConnectionQuota),
            4100 => Some(Self::OverCapacity),
            _ => None,
        }
    }

    fn expected(_: Bounds) -> String {
        "4004 or 4100".to_owned()
    }

    fn literal(&self) -> String {
        let code = match self {
            Self::OverConnectionQuota => "4004",
            Self::OverCapacity => "4100",
        };
        code.to_owned()
    }
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
