//! From a request to its answer.

use std::sync::Arc;

use bytes::Bytes;
use foghorn_auth::{
    Query, RequestAuthError, SignedBody, SignedHead, percent_decode, verify_head, without_mount,
};
use foghorn_node::{Accepted, App, AppStatus, Eased, Node};
use foghorn_protocol::{Moment, UnixSeconds};
use http::header::CONTENT_ENCODING;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde::Serialize;

use crate::error::{ApiError, excerpt};
use crate::options::{Options, Success};
use crate::respond::{refusal, success, to_json};
use crate::route::{self, Owner, Route};
use crate::{body, legacy, publish, query, user};

/// What a success says that has nothing to say.
const NOTHING: &[u8] = b"{}";

/// The HTTP API of a node.
pub struct Api {
    node: Arc<Node>,
    options: Options,
}

/// What a call comes to.
#[derive(Debug)]
pub struct Answer {
    /// What to say.
    pub response: Response<Bytes>,
    /// When to say it: publishers who wait for their answers are slowed down by this, long before
    /// anything has to be refused. Empty where there is no hurry.
    pub eased: Vec<Eased>,
}

impl From<Response<Bytes>> for Answer {
    fn from(response: Response<Bytes>) -> Self {
        Self {
            response,
            eased: Vec::new(),
        }
    }
}

/// A request in order as far as its head goes, whose body is still to come.
#[derive(Debug)]
pub struct Call {
    app: Arc<App>,
    route: Route,
    body: SignedBody,
}

impl Api {
    /// The API of `node`.
    #[must_use]
    pub fn new(node: Arc<Node>, options: Options) -> Self {
        Self { node, options }
    }

    /// Looks at the head of a request, before its body is read: route, app, signature, status.
    /// Nobody without a secret of the app makes the server read a body.
    ///
    /// # Errors
    /// The complete answer to a request that goes nowhere.
    pub fn begin(&self, head: &Parts, now: UnixSeconds) -> Result<Call, Box<Response<Bytes>>> {
        let path = head.uri.path();
        // PHP's batch trigger leaves a configured prefix out, so both forms are served.
        let path = without_mount(path, &self.options.mount_prefix).unwrap_or(path);
        let routed = route::parse(&head.method, path);
        let pattern = routed
            .as_ref()
            .map_or("unknown", |(_, route)| route.pattern());
        let call = routed.and_then(|(owner, route)| {
            let app = self.app(owner, head)?;
            let body = self.verify(&app, head, now)?;
            refuse_encoding(head)?;
            Ok(Call { app, route, body })
        });
        call.map_err(|error| Box::new(self.refuse(pattern, &error)))
    }

    /// Answers a call whose body has arrived.
    #[must_use]
    pub fn finish(&self, call: &Call, head: &Parts, body: &[u8], now: Moment) -> Answer {
        let pattern = call.route.pattern();
        match self.answer(call, head, body, now) {
            Ok(done) => {
                let metrics = self.node.metrics();
                metrics.api_request(pattern, done.status.as_u16());
                Answer {
                    response: success(done.status, done.json),
                    eased: done.eased,
                }
            }
            Err(error) => self.refuse(pattern, &error).into(),
        }
    }

    /// Answers a call whose body cannot be had.
    #[must_use]
    pub fn give_up(&self, call: &Call, error: &ApiError) -> Response<Bytes> {
        self.refuse(call.route.pattern(), error)
    }

    fn app(&self, owner: Owner<'_>, head: &Parts) -> Result<Arc<App>, ApiError> {
        let apps = self.node.apps();
        match owner {
            Owner::Id(id) => {
                let app = percent_decode(id).and_then(|id| apps.with_id(&id).cloned());
                app.ok_or_else(|| ApiError::UnknownApp { id: excerpt(id) })
            }
            Owner::Key => {
                let query = Query::parse(head.uri.query().unwrap_or_default());
                let key = query.get("auth_key");
                let key = key.ok_or(ApiError::Unauthorized(RequestAuthError::MissingKey))?;
                apps.with_key(key).cloned().ok_or_else(|| {
                    let key = key.chars().take(64).collect();
                    ApiError::Unauthorized(RequestAuthError::UnknownKey { key })
                })
            }
        }
    }

    fn verify(&self, app: &App, head: &Parts, now: UnixSeconds) -> Result<SignedBody, ApiError> {
        let head = SignedHead {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            mount_prefix: &self.options.mount_prefix,
        };
        let verified = verify_head(app.keys(), &head, now.0).map_err(ApiError::Unauthorized)?;
        match app.status() {
            AppStatus::Enabled => Ok(verified.body),
            AppStatus::Disabled => Err(ApiError::AppDisabled),
        }
    }

    fn answer(
        &self,
        call: &Call,
        head: &Parts,
        body: &[u8],
        now: Moment,
    ) -> Result<Done, ApiError> {
        call.body.verify(body).map_err(ApiError::Unauthorized)?;
        let (node, app, options) = (&*self.node, &*call.app, &self.options);
        let query = &Query::parse(head.uri.query().unwrap_or_default());
        if head.method == Method::GET {
            app.take_read(now).map_err(|exhausted| ApiError::TooFast {
                what: "requests that ask something",
                asked: 1,
                exhausted,
            })?;
        }
        let mut done = Done::new();
        done.json = match &call.route {
            Route::Events => {
                let trigger = body::event(app, body, query)?;
                done.published(publish::event(node, app, trigger, now)?)?
            }
            Route::BatchEvents => {
                let triggers = body::batch(app, body)?;
                done.published(publish::batch(node, app, triggers, now)?)?
            }
            Route::ChannelEvents(name) => {
                let trigger = legacy::event(app, name, query, body)?;
                done.status = StatusCode::ACCEPTED;
                done.published(publish::event(node, app, trigger, now)?)?
            }
            Route::Terminate(id) => {
                user::terminate(node, app, id)?;
                NOTHING.to_vec()
            }
            Route::Channels => to_json(&query::channels(node, app, query, options)?)?,
            Route::Channel(name) => {
                to_json(&query::channel(node, app, (name, query), options, now)?)?
            }
            Route::Users(name) => to_json(&query::users(node, app, name, query)?)?,
            Route::Stats(name) => to_json(&legacy::stats(node, app, name)?)?,
        };
        done.json = self.nothing_said(done.json);
        Ok(done)
    }

    /// An answer without a word, as this server words it.
    fn nothing_said(&self, json: Vec<u8>) -> Vec<u8> {
        match self.options.success {
            Success::Ok if json == NOTHING => br#"{"ok":true}"#.to_vec(),
            Success::Ok | Success::Empty => json,
        }
    }

    fn refuse(&self, pattern: &str, error: &ApiError) -> Response<Bytes> {
        let response = refusal(error);
        self.node
            .metrics()
            .api_request(pattern, response.status().as_u16());
        response
    }
}

/// A call that succeeded.
struct Done {
    status: StatusCode,
    json: Vec<u8>,
    eased: Vec<Eased>,
}

impl Done {
    fn new() -> Self {
        Self {
            status: StatusCode::OK,
            json: Vec::new(),
            eased: Vec::new(),
        }
    }

    /// Something was published; what there is to say about it.
    fn published<T: Serialize>(
        &mut self,
        (answer, accepted): (T, Accepted),
    ) -> Result<Vec<u8>, ApiError> {
        self.eased = accepted.eased;
        to_json(&answer)
    }
}

/// No SDK compresses; reading a compressed body as JSON would only puzzle its sender.
fn refuse_encoding(head: &Parts) -> Result<(), ApiError> {
    match head.headers.get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => {
            let encoding = excerpt(&String::from_utf8_lossy(encoding.as_bytes()));
            Err(ApiError::Encoding { encoding })
        }
        _ => Ok(()),
    }
}
