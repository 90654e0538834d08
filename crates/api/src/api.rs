//! From a request to its answer.

use std::sync::Arc;

use bytes::Bytes;
use foghorn_auth::{Query, SignedBody, SignedHead, percent_decode, verify_head, without_mount};
use foghorn_node::{App, AppStatus, Node};
use foghorn_protocol::UnixSeconds;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Response};
use serde::Serialize;

use crate::error::{ApiError, excerpt};
use crate::route::{self, Route};
use crate::{publish, query};

/// The HTTP API of a node.
pub struct Api {
    node: Arc<Node>,
    mount_prefix: String,
}

/// A request in order as far as its head goes, whose body is still to come.
#[derive(Debug)]
pub struct Call {
    app: Arc<App>,
    route: Route,
    body: SignedBody,
}

impl Api {
    /// The API of `node`, mounted under `mount_prefix` (empty, or `/…` without a slash at the end).
    #[must_use]
    pub fn new(node: Arc<Node>, mount_prefix: String) -> Self {
        Self { node, mount_prefix }
    }

    /// Looks at the head of a request, before its body is read: route, app, signature, status.
    /// Nobody without a secret of the app makes the server read a body.
    ///
    /// # Errors
    /// The complete answer to a request that goes nowhere.
    pub fn begin(&self, head: &Parts, now: UnixSeconds) -> Result<Call, Box<Response<Bytes>>> {
        let path = head.uri.path();
        // PHP's batch trigger leaves a configured prefix out, so both forms are served.
        let path = without_mount(path, &self.mount_prefix).unwrap_or(path);
        let routed = route::parse(&head.method, path);
        let pattern = routed
            .as_ref()
            .map_or("unknown", |(_, route)| route.pattern());
        let call = routed.and_then(|(id, route)| {
            let app = percent_decode(id).and_then(|id| self.node.apps().with_id(&id).cloned());
            let app = app.ok_or_else(|| ApiError::UnknownApp { id: excerpt(id) })?;
            let body = self.verify(&app, head, now)?;
            refuse_encoding(head)?;
            Ok(Call { app, route, body })
        });
        call.map_err(|error| Box::new(self.refuse(pattern, &error)))
    }

    /// Answers a call whose body has arrived.
    #[must_use]
    pub fn finish(&self, call: &Call, head: &Parts, body: &[u8]) -> Response<Bytes> {
        let pattern = call.route.pattern();
        match self.answer(call, head, body) {
            Ok(json) => {
                self.node.metrics().api_request(pattern, 200);
                respond(Response::new(Bytes::from(json)))
            }
            Err(error) => self.refuse(pattern, &error),
        }
    }

    /// Answers a call whose body cannot be had.
    #[must_use]
    pub fn give_up(&self, call: &Call, error: &ApiError) -> Response<Bytes> {
        self.refuse(call.route.pattern(), error)
    }

    fn verify(&self, app: &App, head: &Parts, now: UnixSeconds) -> Result<SignedBody, ApiError> {
        let head = SignedHead {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            mount_prefix: &self.mount_prefix,
        };
        let verified = verify_head(app.keys(), &head, now.0).map_err(ApiError::Unauthorized)?;
        match app.status() {
            AppStatus::Enabled => Ok(verified.body),
            AppStatus::Disabled => Err(ApiError::AppDisabled),
        }
    }

    fn answer(&self, call: &Call, head: &Parts, body: &[u8]) -> Result<Vec<u8>, ApiError> {
        call.body.verify(body).map_err(ApiError::Unauthorized)?;
        let (node, app) = (&*self.node, &*call.app);
        let query = || Query::parse(head.uri.query().unwrap_or_default());
        match &call.route {
            Route::Events => to_json(&publish::event(node, app, body)?),
            Route::BatchEvents => to_json(&publish::batch(node, app, body)?),
            Route::Channels => to_json(&query::channels(node, app, &query())?),
            Route::Channel(name) => to_json(&query::channel(node, app, name, &query())?),
            Route::Users(name) => to_json(&query::users(node, app, name)?),
        }
    }

    fn refuse(&self, pattern: &str, error: &ApiError) -> Response<Bytes> {
        let status = error.status();
        self.node.metrics().api_request(pattern, status.as_u16());
        let body = ErrorBody {
            error: error.to_string(),
            code: status.as_u16(),
        };
        let body = to_json(&body).unwrap_or_default();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        match error {
            ApiError::Method { allow } => {
                response
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static(allow));
            }
            ApiError::OverCapacity(_) => {
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        respond(response)
    }
}

#[derive(Serialize)]
struct ErrorBody {
    error: String,
    code: u16,
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

fn to_json(answer: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(answer).map_err(|error| ApiError::Json(error.to_string()))
}

fn respond(mut response: Response<Bytes>) -> Response<Bytes> {
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
