//! From a request to its answer.

use std::sync::Arc;

use bytes::Bytes;
use foghorn_auth::{
    Query, RequestAuthError, SignedBody, SignedHead, percent_decode, verify_head, without_mount,
};
use foghorn_node::{App, AppStatus, Node};
use foghorn_protocol::{Moment, UnixSeconds};
use http::StatusCode;

use crate::answer::Answer;
use crate::error::{ApiError, excerpt};
use crate::options::{Options, Success};
use crate::respond::{refusal, success, to_json};
use crate::route::{self, Owner, Route};
use crate::{body, legacy, publish, query, user};

/// What a success says that has nothing to say.
const NOTHING: Bytes = Bytes::from_static(b"{}");

/// The same as soketi says it.
const OK: Bytes = Bytes::from_static(br#"{"ok":true}"#);

/// The HTTP API of a node.
pub struct Api {
    node: Arc<Node>,
    options: Options,
}

/// What the API needs of a request's head.
#[derive(Clone, Copy, Debug)]
pub struct Head<'h> {
    /// The method, in the case in which it came.
    pub method: &'h str,
    /// The path as received, still percent-encoded.
    pub path: &'h str,
    /// The text after the `?`, still percent-encoded; empty when there is none.
    pub query: &'h str,
    /// The header `Content-Encoding`, if there is one.
    pub content_encoding: Option<&'h [u8]>,
}

/// A request in order as far as its head goes, whose body is still to come.
#[derive(Debug)]
pub struct Call<'h> {
    app: Arc<App>,
    route: Route,
    query: Query<'h>,
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
    pub fn begin<'h>(&'h self, head: &Head<'h>, now: UnixSeconds) -> Result<Call<'h>, Box<Answer>> {
        // PHP's batch trigger leaves a configured prefix out, so both forms are served.
        let path = without_mount(head.path, &self.options.mount_prefix).unwrap_or(head.path);
        let routed = route::parse(head.method, path);
        let pattern = routed
            .as_ref()
            .map_or("unknown", |(_, route)| route.pattern());
        let call = routed.and_then(|(owner, route)| {
            let app = self.app(owner, head)?;
            let (query, body) = self.verify(&app, head, now)?;
            refuse_encoding(head)?;
            Ok(Call {
                app,
                route,
                query,
                body,
            })
        });
        call.map_err(|error| Box::new(self.refuse(pattern, &error)))
    }

    /// Answers a call whose body has arrived.
    #[must_use]
    pub fn finish(&self, call: &Call<'_>, body: &[u8], now: Moment) -> Answer {
        let pattern = call.route.pattern();
        match self.answer(call, body, now) {
            Ok((status, json)) => {
                let metrics = self.node.metrics();
                metrics.api_request(pattern, status.as_u16());
                success(status, json)
            }
            Err(error) => self.refuse(pattern, &error),
        }
    }

    /// Answers a call whose body cannot be had.
    #[must_use]
    pub fn give_up(&self, call: &Call<'_>, error: &ApiError) -> Answer {
        self.refuse(call.route.pattern(), error)
    }

    fn app(&self, owner: Owner<'_>, head: &Head<'_>) -> Result<Arc<App>, ApiError> {
        let apps = self.node.apps();
        match owner {
            Owner::Id(id) => {
                let app = percent_decode(id).and_then(|id| apps.with_id(&id).cloned());
                app.ok_or_else(|| ApiError::UnknownApp { id: excerpt(id) })
            }
            Owner::Key => {
                let query = Query::parse(head.query);
                let key = query.get("auth_key");
                let key = key.ok_or(ApiError::Unauthorized(RequestAuthError::MissingKey))?;
                apps.with_key(key).cloned().ok_or_else(|| {
                    let key = key.chars().take(64).collect();
                    ApiError::Unauthorized(RequestAuthError::UnknownKey { key })
                })
            }
        }
    }

    /// The query, and what the body has to be, of a request that the app has signed.
    fn verify<'h>(
        &'h self,
        app: &App,
        head: &Head<'h>,
        now: UnixSeconds,
    ) -> Result<(Query<'h>, SignedBody), ApiError> {
        let head = SignedHead {
            method: head.method,
            path: head.path,
            query: head.query,
            mount_prefix: &self.options.mount_prefix,
        };
        let verified = verify_head(app.keys(), &head, now.0).map_err(ApiError::Unauthorized)?;
        match app.status() {
            AppStatus::Enabled => Ok((verified.query, verified.body)),
            AppStatus::Disabled => Err(ApiError::AppDisabled),
        }
    }

    /// The status and the JSON of a success.
    fn answer(
        &self,
        call: &Call<'_>,
        body: &[u8],
        now: Moment,
    ) -> Result<(StatusCode, Bytes), ApiError> {
        call.body.verify(body).map_err(ApiError::Unauthorized)?;
        let (node, app, options) = (&*self.node, &*call.app, &self.options);
        let query = &call.query;
        if call.route.method() == "GET" {
            app.take_read(now).map_err(|exhausted| ApiError::TooFast {
                what: "requests that ask something",
                asked: 1,
                exhausted,
            })?;
        }
        let said = match &call.route {
            Route::Events => {
                let trigger = body::event(app, body, query)?;
                publish::event(node, app, trigger, now)?
            }
            Route::BatchEvents => {
                let triggers = body::batch(app, body)?;
                publish::batch(node, app, triggers, now)?
            }
            Route::ChannelEvents(name) => {
                let trigger = legacy::event(app, name, query, body)?;
                let said = publish::event(node, app, trigger, now)?;
                return Ok((StatusCode::ACCEPTED, said.unwrap_or(self.nothing())));
            }
            Route::Terminate(id) => {
                user::terminate(node, app, id)?;
                None
            }
            Route::Channels => Some(to_json(&query::channels(node, app, query, options)?)?),
            Route::Channel(name) => {
                let state = query::channel(node, app, (name, query), options, now)?;
                Some(to_json(&state)?)
            }
            Route::Users(name) => Some(to_json(&query::users(node, app, name, query)?)?),
            Route::Stats(name) => Some(to_json(&legacy::stats(node, app, name)?)?),
        };
        Ok((StatusCode::OK, said.unwrap_or(self.nothing())))
    }

    /// An answer without a word, as this server words it.
    fn nothing(&self) -> Bytes {
        match self.options.success {
            Success::Ok => OK,
            Success::Empty => NOTHING,
        }
    }

    fn refuse(&self, pattern: &str, error: &ApiError) -> Answer {
        let answer = refusal(error);
        let metrics = self.node.metrics();
        metrics.api_request(pattern, answer.status.as_u16());
        answer
    }
}

/// No SDK compresses; reading a compressed body as JSON would only puzzle its sender.
fn refuse_encoding(head: &Head<'_>) -> Result<(), ApiError> {
    match head.content_encoding {
        Some(encoding) if encoding != b"identity" => {
            let encoding = excerpt(&String::from_utf8_lossy(encoding));
            Err(ApiError::Encoding { encoding })
        }
        _ => Ok(()),
    }
}
