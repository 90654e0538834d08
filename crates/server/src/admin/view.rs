//! Answers of the admin API as JSON.

use bytes::Bytes;
use foghorn_api::Answer;
use foghorn_config::{AppConfig, Effective, FieldProblem, KeyPair};
use foghorn_directory::Unreadable;
use foghorn_node::Day;
use foghorn_protocol::UnixSeconds;
use foghorn_webhooks::UnixMillis;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::refusal::Refusal;

/// The media type of every answer.
pub(super) const JSON: &str = "application/json";

/// Where an app is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    Configuration,
    Database,
}

/// A part of a list, and behind what the next part begins.
#[derive(Serialize)]
pub(super) struct AppList {
    pub(super) apps: Vec<AppView>,
    pub(super) unreadable: Vec<UnreadableView>,
    pub(super) next: Option<String>,
}

/// An app with the configuration's names, and without its secrets.
#[derive(Serialize)]
pub(super) struct AppView {
    source: Source,
    #[serde(flatten)]
    app: Value,
}

/// An app that is in the database and cannot be served.
#[derive(Serialize)]
pub(super) struct UnreadableView {
    id: String,
    problems: Vec<ProblemView>,
}

/// What is wrong with a member of an app.
#[derive(Serialize)]
pub(super) struct ProblemView {
    field: String,
    problem: String,
}

/// A key pair whose secret is shown this once.
#[derive(Serialize)]
pub(super) struct NewKey<'a> {
    key: &'a str,
    secret: &'a str,
    enabled: bool,
}

/// A key pair without its secret.
#[derive(Serialize)]
pub(super) struct KeyView<'a> {
    pub(super) key: &'a str,
    pub(super) enabled: bool,
}

/// The configuration that is in force.
#[derive(Serialize)]
pub(super) struct Settings {
    pub(super) settings: Vec<Setting>,
}

#[derive(Serialize)]
pub(super) struct Setting {
    setting: String,
    value: Value,
    source: String,
}

impl AppView {
    pub(super) fn new(source: Source, app: &AppConfig) -> Self {
        Self {
            source,
            app: app.to_json(),
        }
    }

    /// The same with the secrets of its keys.
    pub(super) fn with_secrets(source: Source, app: &AppConfig) -> Self {
        let mut view = Self::new(source, app);
        let keys: Vec<_> = app.keys.iter().map(NewKey::from).collect();
        if let (Value::Object(members), Ok(keys)) = (&mut view.app, serde_json::to_value(keys)) {
            members.insert("keys".to_owned(), keys);
        }
        view
    }
}

impl UnreadableView {
    pub(super) fn new(unreadable: &Unreadable) -> Self {
        Self {
            id: unreadable.app.clone(),
            problems: unreadable.problems.iter().map(ProblemView::from).collect(),
        }
    }
}

impl From<&FieldProblem> for ProblemView {
    fn from(problem: &FieldProblem) -> Self {
        Self {
            field: problem.field.clone(),
            problem: problem.problem.clone(),
        }
    }
}

impl<'a> From<&'a KeyPair> for NewKey<'a> {
    fn from(pair: &'a KeyPair) -> Self {
        Self {
            key: pair.key.as_str(),
            secret: pair.secret.expose(),
            enabled: pair.enabled,
        }
    }
}

impl From<Effective> for Setting {
    fn from(effective: Effective) -> Self {
        let Effective {
            setting,
            value,
            source,
        } = effective;
        Self {
            setting,
            value,
            source,
        }
    }
}

/// An answer with something to say.
pub(super) fn json(status: StatusCode, said: &impl Serialize) -> Result<Answer, Refusal> {
    let body = to_json(said)?;
    Ok(Answer::new(status, JSON, Bytes::from(body)))
}

/// An answer without a word.
pub(super) fn nothing() -> Answer {
    Answer::new(StatusCode::NO_CONTENT, JSON, Bytes::new())
}

pub(super) fn to_json(said: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(said).map_err(Refusal::Unwritten)
}

/// A second as RFC 3339 has it.
pub(super) fn rfc3339(at: UnixSeconds) -> String {
    let day = Day::of(at);
    let second = at.0 % (24 * 60 * 60);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{day}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The second of a millisecond.
pub(super) fn seconds(UnixMillis(at): UnixMillis) -> UnixSeconds {
    UnixSeconds(at / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rfc_3339_has_them() {
        for (at, expect) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(UnixSeconds(at)), expect);
        }
    }
}
