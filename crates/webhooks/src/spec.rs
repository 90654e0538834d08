//! A webhook as an operator writes it, in soketi's form (webhooks.md §7).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a secret is shown as.
const HIDDEN: &str = "…";

/// One webhook, unchecked. `Webhook::new` says what is wrong with it.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Spec {
    /// Where to send: `http` or `https`.
    #[serde(default)]
    pub url: String,
    /// Names of events; all, if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_types: Option<Vec<String>>,
    /// Which channels; all, if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<FilterSpec>,
    /// Further headers of the requests. Their values may be secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// What else was written. All of it is refused, each by its name.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// Which channels a webhook is for: those that everything here holds for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct FilterSpec {
    /// How the channel's name begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_name_starts_with: Option<String>,
    /// How it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_name_ends_with: Option<String>,
    /// A regular expression that is found somewhere in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_pattern: Option<String>,
    /// What else was written. All of it is refused, each by its name.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// One thing that is wrong with a webhook. It holds no value of a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    /// Where, seen from the webhook: `url`, `event_types[1]`, `headers.x-env`.
    pub field: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Spec {
    /// The same for people's eyes: names of headers, but not their values.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mut shown = self.clone();
        for value in shown.headers.iter_mut().flat_map(BTreeMap::values_mut) {
            HIDDEN.clone_into(value);
        }
        shown
    }
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Option<Vec<_>> = self.headers.as_ref().map(|all| all.keys().collect());
        f.debug_struct("Spec")
            .field("url", &self.url)
            .field("event_types", &self.event_types)
            .field("filter", &self.filter)
            .field("headers", &names)
            .field("unknown", &self.unknown.keys())
            .finish()
    }
}
