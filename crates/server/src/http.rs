//! The listener's HTTP side: who answers which path.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foghorn_api::{Answer, ApiError};
use foghorn_auth::without_mount;
use http::header::{CONNECTION, EXPECT};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use crate::clock::Clock;
use crate::peer::Peer;
use crate::plain::{health, upgrade_required};
use crate::shared::Shared;
use crate::upgrade;

/// How long a publisher waits for its answer, at most, when its channels have much to deliver: less
/// than the time-out of any SDK.
const SLOWDOWN: Duration = Duration::from_secs(2);

/// Answers one request.
///
/// # Errors
/// Never; the type is hyper's.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    mut request: Request<Incoming>,
    peer: Peer,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let _in_flight = shared.requests.enter();
    let path = request.uri().path();
    let path = without_mount(path, &shared.path_prefix)
        .unwrap_or(path)
        .to_owned();
    let response = match &*path {
        _ if upgrade::is_wanted(request.headers()) => {
            let key = path.strip_prefix("/app/");
            let key = key.filter(|key| !key.is_empty() && !key.contains('/'));
            upgrade::accept(&shared, &mut request, peer, key)
        }
        "" | "/" => health(&request, StatusCode::OK),
        "/ready" if shared.node.is_draining() => health(&request, StatusCode::SERVICE_UNAVAILABLE),
        "/ready" => health(&request, StatusCode::OK),
        _ if path.starts_with("/app/") => upgrade_required(
            "This is a WebSocket endpoint for Pusher clients; back ends use /apps/APP_ID/…\n",
        ),
        _ => call(&shared, request).await,
    };
    Ok(response.map(Full::new))
}

/// A request to the HTTP API: head first, so that only who signed it makes the server keep a body.
async fn call(shared: &Shared, request: Request<Incoming>) -> Response<Bytes> {
    let (head, mut body) = request.into_parts();
    let call = match shared.api.begin(&head, Clock::unix_seconds()) {
        Ok(call) => call,
        Err(answer) => return instead_of_body(shared, &head, body, *answer),
    };
    match timeout(shared.body_timeout, read(&mut body, shared.max_body_bytes)).await {
        Ok(Ok(body)) => {
            let now = shared.rules.clock.now();
            say(shared.api.finish(&call, &head, &body, now)).await
        }
        Ok(Err(error)) => {
            let answer = shared.api.give_up(&call, &error);
            instead_of_body(shared, &head, body, answer)
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

/// Gives an answer when it is time for it, or when its publisher has waited long enough.
async fn say(answer: Answer) -> Response<Bytes> {
    if !answer.eased.is_empty() {
        let all = async {
            for eased in answer.eased {
                eased.await;
            }
        };
        let _ = timeout(SLOWDOWN, all).await;
    }
    answer.response
}

/// Reads a body of at most `limit` bytes.
async fn read(body: &mut Incoming, limit: usize) -> Result<Bytes, ApiError> {
    let announced = body.size_hint().lower();
    let too_large = |length| ApiError::BodyTooLarge { length, limit };
    if announced > limit as u64 {
        return Err(too_large(announced));
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(limit as u64 + 1)),
        // The client went away or sent nonsense.
        Err(error) => Err(ApiError::Json(format!("it could not be read: {error}"))),
    }
}

/// Gives `answer` at once and reads the body away behind it, as far as that is reasonable: a client
/// that is still sending when the connection closes may never see the answer. One that waits for
/// `100 Continue` has not begun.
fn instead_of_body(
    shared: &Shared,
    head: &Parts,
    mut body: Incoming,
    answer: Response<Bytes>,
) -> Response<Bytes> {
    if head.headers.contains_key(EXPECT) {
        return closing(answer);
    }
    if !body.is_end_stream() {
        let mut left = 2 * shared.max_body_bytes;
        let read_away = timeout(shared.body_timeout, async move {
            while let Some(Ok(frame)) = body.frame().await {
                left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                if left == 0 {
                    return;
                }
            }
        });
        // Dropping the body early, by size or time, ends the connection.
        tokio::spawn(read_away);
    }
    answer
}

/// The rest of the request is not read, so the connection cannot go on.
fn closing(mut response: Response<Bytes>) -> Response<Bytes> {
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
