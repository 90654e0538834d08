//! What can be wrong with a request to the admin API, and the answer that says so.

use bytes::Bytes;
use foghorn_api::Answer;
use foghorn_config::FieldProblem;
use foghorn_directory::{ChangeError, LookupError, Unreadable};
use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::BODY_TERMS;
use super::view::{JSON, ProblemView, to_json};
use crate::http1::{BodyError, BodyTerms};

/// A refused request. The text goes to who has the token, except for the first three.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// No token is configured.
    #[error(
        "The admin API is off; admin.token switches it on, or the variable FOGHORN_ADMIN_TOKEN"
    )]
    Off,
    /// The request has no token.
    #[error("A token is required: Authorization: Bearer TOKEN, with the value of admin.token")]
    NoToken,
    /// It has another one.
    #[error("The token is not the one of this server's admin.token")]
    WrongToken,
    /// No such path.
    #[error("Unknown path; GET /admin/v1/openapi.json lists all")]
    UnknownPath,
    /// A known path with another method.
    #[error("Method not allowed, use {allow}")]
    Method {
        /// The methods to use.
        allow: String,
    },
    /// A parameter of the query.
    #[error("The parameter {name} {problem}")]
    Parameter {
        /// Its name, cut short.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The body did not arrive.
    #[error("{}", cannot_be_had(.0))]
    Body(BodyError),
    /// The body is no JSON object.
    #[error("The request body must be a JSON object: {0}")]
    NoObject(String),
    /// The body does not fit.
    #[error("The request body does not fit; problems says where")]
    Unfit(Vec<FieldProblem>),
    /// No such app.
    #[error("There is no app {0:?}")]
    NoApp(String),
    /// No such key of an app.
    #[error("The app has no key {0:?}")]
    NoKey(String),
    /// No such connection of an app on this node.
    #[error("The app has no connection {0:?} on this node")]
    NoConnection(String),
    /// No such dead letter.
    #[error("There is no dead letter {0:?}")]
    NoLetter(String),
    /// Apps are in the configuration alone.
    #[error("There is no database for apps; database.url in the configuration names one")]
    NoDatabase,
    /// The app cannot be changed here.
    #[error("The app {0:?} is one of the configuration: edit the file, which is read again")]
    OfConfiguration(String),
    /// An app has no other key.
    #[error(
        "The key {0:?} is the last active one of its app; add another first, or disable the app"
    )]
    LastKey(String),
    /// The id is taken.
    #[error("There is an app {0:?} already")]
    AppExists(String),
    /// The key is taken.
    #[error("An app has this key already")]
    KeyTaken,
    /// The database is another's.
    #[error("The database is only read: its tables are soketi's (database.layout)")]
    ReadOnly,
    /// The database is away.
    #[error("The database of apps cannot be asked: {0}")]
    Unavailable(String),
    /// The database has nonsense.
    #[error("The database holds an app {0:?} that cannot be read; problems says why")]
    Unreadable(String, Vec<FieldProblem>),
    /// What the database has cannot be served here.
    #[error("It is in the database, but does not hold on this node: {0}")]
    NotHere(String),
    /// The store of webhooks fails.
    #[error("The store of webhooks fails: {0}")]
    Store(#[from] foghorn_courier::StoreError),
    /// The system has none.
    #[error("The system has no random numbers: {0}")]
    NoRandomness(getrandom::Error),
    /// An answer that is no JSON.
    #[error("cannot write JSON: {0}")]
    Unwritten(serde_json::Error),
}

#[derive(Serialize)]
struct ErrorBody {
    error: String,
    code: u16,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemView>,
}

impl Refusal {
    /// One problem with one member of the body.
    pub(super) fn unfit(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Unfit(vec![FieldProblem {
            field: field.into(),
            problem: problem.into(),
        }])
    }

    /// What the directory said of a change of the app `id`, or of its `key`.
    pub(super) fn of_change(id: &str, key: Option<&str>, error: ChangeError) -> Self {
        match (error, key) {
            (ChangeError::Exists, _) => Self::AppExists(excerpt(id)),
            (ChangeError::KeyTaken, _) => Self::KeyTaken,
            (ChangeError::NotFound, None) => Self::NoApp(excerpt(id)),
            (ChangeError::NotFound, Some(key)) => Self::NoKey(excerpt(key)),
            (ChangeError::LastKey, key) => Self::LastKey(excerpt(key.unwrap_or_default())),
            (ChangeError::ReadOnly, _) => Self::ReadOnly,
            (ChangeError::Unavailable(why), _) => Self::Unavailable(why),
        }
    }

    /// The HTTP status.
    fn status(&self) -> StatusCode {
        match self {
            Self::Off
            | Self::UnknownPath
            | Self::NoApp(_)
            | Self::NoKey(_)
            | Self::NoConnection(_)
            | Self::NoLetter(_) => StatusCode::NOT_FOUND,
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Parameter { .. }
            | Self::NoObject(_)
            | Self::Unfit(_)
            | Self::Body(BodyError::Broken) => StatusCode::BAD_REQUEST,
            Self::Body(BodyError::TooLarge(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Self::NoDatabase
            | Self::OfConfiguration(_)
            | Self::LastKey(_)
            | Self::AppExists(_)
            | Self::KeyTaken
            | Self::ReadOnly => StatusCode::CONFLICT,
            Self::Unavailable(_) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreadable(..)
            | Self::NotHere(_)
            | Self::NoRandomness(_)
            | Self::Unwritten(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The complete answer.
    pub(super) fn answer(&self) -> Answer {
        let status = self.status();
        let problems = match self {
            Self::Unfit(problems) | Self::Unreadable(_, problems) => problems.as_slice(),
            _ => &[],
        };
        let body = ErrorBody {
            error: self.to_string(),
            code: status.as_u16(),
            problems: problems.iter().map(ProblemView::from).collect(),
        };
        let body = to_json(&body).unwrap_or_default();
        let answer = Answer::new(status, JSON, Bytes::from(body));
        match self {
            Self::NoToken | Self::WrongToken => {
                answer.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            Self::Method { allow } => match HeaderValue::from_str(allow) {
                Ok(allow) => answer.with(ALLOW, allow),
                Err(_) => answer,
            },
            Self::Unavailable(_) | Self::Store(_) => {
                answer.with(RETRY_AFTER, HeaderValue::from_static("1"))
            }
            _ => answer,
        }
    }
}

fn cannot_be_had(error: &BodyError) -> String {
    let BodyTerms { limit, timeout } = BODY_TERMS;
    match error {
        BodyError::TooLarge(length) => {
            format!("The request body has {length} bytes or more, the limit is {limit}")
        }
        BodyError::TooSlow => {
            let seconds = timeout.as_secs();
            format!("The request body did not arrive within {seconds} seconds")
        }
        BodyError::Broken => "The request body could not be read to its end".to_owned(),
    }
}

impl From<LookupError> for Refusal {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Unavailable(why) => Self::Unavailable(why),
            LookupError::Unreadable(Unreadable { app, problems }) => {
                Self::Unreadable(app, problems)
            }
        }
    }
}

/// A text of a request, short enough to be repeated.
pub(super) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 64;
    text.chars().take(LONGEST).collect()
}
