//! The types of values that only a configuration has.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;

mod values;

pub use values::is_app_name;

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

/// A folder that is made if it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderPath(String);

/// A time of less than a second, or little more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Milliseconds(u32);

/// What a request to the admin API proves itself with, or nothing. No way of printing it shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BearerToken(SecretText);

/// Where webhooks wait until they are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookStore {
    /// In the server's data folder.
    Disk,
    /// In memory.
    Memory,
}

/// The status of answers beyond an app's quota of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaStatus {
    /// 403, as hosted Pusher.
    Forbidden,
    /// 402, on which some back ends switch themselves off.
    PaymentRequired,
}

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

impl FolderPath {
    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// One that is named after the server.
    pub(super) fn in_working_folder() -> Self {
        Self("foghorn-data".to_owned())
    }
}

impl Milliseconds {
    pub(super) const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The time.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0.into())
    }
}

impl BearerToken {
    /// The token, if there is one, for the code that compares it and nobody else.
    #[must_use]
    pub fn expose(&self) -> Option<&str> {
        Some(self.0.expose()).filter(|token| !token.is_empty())
    }
}

impl QuotaStatus {
    /// The status code.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            Self::PaymentRequired => 402,
        }
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
