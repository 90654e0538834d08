//! The listener's HTTP side: who answers which path.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foghorn_api::{Api, ApiError};
use foghorn_node::Node;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::connections::Connections;
use crate::gate::Gate;
use crate::upgrade;
use crate::websocket::Rules;

/// What all requests share.
pub(crate) struct Shared {
    /// The node.
    pub(crate) node: Arc<Node>,
    /// Its HTTP API.
    pub(crate) api: Api,
    /// Its WebSocket connections.
    pub(crate) connections: Connections,
    /// Requests in flight.
    pub(crate) requests: Gate,
    /// What precedes every path.
    pub(crate) path_prefix: String,
    /// Bytes of a request's body.
    pub(crate) max_body_bytes: usize,
    /// How long a body may take.
    pub(crate) body_timeout: Duration,
    /// Bytes that may wait for one connection.
    pub(crate) send_queue_bytes: usize,
    /// What all WebSocket connections share.
    pub(crate) rules: Rules,
}

/// Answers one request.
///
/// # Errors
/// Never; the type is hyper's.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    mut request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let _in_flight = shared.requests.enter();
    let path = request.uri().path();
    let path = path
        .strip_prefix(shared.path_prefix.as_str())
        .unwrap_or(path)
        .to_owned();
    let response = match &*path {
        _ if upgrade::is_wanted(request.headers()) => {
            let key = path.strip_prefix("/app/");
            let key = key.filter(|key| !key.is_empty() && !key.contains('/'));
            upgrade::accept(&shared, &mut request, key)
        }
        "" | "/" => health(&request, StatusCode::OK),
        "/ready" if shared.node.is_draining() => health(&request, StatusCode::SERVICE_UNAVAILABLE),
        "/ready" => health(&request, StatusCode::OK),
        _ if path.starts_with("/app/") => plain(
            StatusCode::UPGRADE_REQUIRED,
            "This is a WebSocket endpoint for Pusher clients; back ends use /apps/APP_ID/…\n",
        ),
        _ => call(&shared, request).await,
    };
    Ok(response.map(Full::new))
}

/// A short text for people and probes.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The answer to a probe.
pub(crate) fn health<B>(request: &Request<B>, status: StatusCode) -> Response<Bytes> {
    match *request.method() {
        Method::GET | Method::HEAD if status == StatusCode::OK => plain(status, "OK\n"),
        Method::GET | Method::HEAD => plain(status, "shutting down\n"),
        _ => plain(
            StatusCode::METHOD_NOT_ALLOWED,
            "Method not allowed, use GET\n",
        ),
    }
}

/// A request to the HTTP API: head first, so that nobody sends a body in vain.
async fn call(shared: &Shared, request: Request<Incoming>) -> Response<Bytes> {
    let (head, body) = request.into_parts();
    let call = match shared.api.begin(&head) {
        Ok(call) => call,
        Err(answer) => return closing(*answer),
    };
    let limit = shared.max_body_bytes;
    let announced = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    let announced = announced.and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return closing(shared.api.give_up(&call, &ApiError::BodyTooLarge { limit }));
    }
    let collected = timeout(shared.body_timeout, Limited::new(body, limit).collect()).await;
    match collected {
        Ok(Ok(body)) => {
            let body = body.to_bytes();
            shared
                .api
                .finish(&call, &head, &body, Clock::unix_seconds())
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            closing(shared.api.give_up(&call, &ApiError::BodyTooLarge { limit }))
        }
        // The client went away or sent nonsense; hyper tells what it can.
        Ok(Err(error)) => {
            let error = ApiError::Json(format!("it could not be read: {error}"));
            closing(shared.api.give_up(&call, &error))
        }
        Err(_) => {
            let seconds = shared.body_timeout.as_secs();
            closing(
                shared
                    .api
                    .give_up(&call, &ApiError::BodyTooSlow { seconds }),
            )
        }
    }
}

/// The rest of the request is not read, so the connection cannot go on.
fn closing(mut response: Response<Bytes>) -> Response<Bytes> {
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
