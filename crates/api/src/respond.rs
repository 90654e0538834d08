//! Answers as HTTP responses.

use std::time::Duration;

use bytes::Bytes;
use foghorn_protocol::Exhausted;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::error::ApiError;

const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");

#[derive(Serialize)]
struct ErrorBody {
    error: String,
    code: u16,
}

/// A success: a JSON object.
pub(crate) fn success(status: StatusCode, json: Vec<u8>) -> Response<Bytes> {
    respond(status, json)
}

/// A refusal: a JSON object that says what is wrong.
pub(crate) fn refusal(error: &ApiError) -> Response<Bytes> {
    let status = error.status();
    let body = ErrorBody {
        error: error.to_string(),
        code: status.as_u16(),
    };
    let mut response = respond(status, to_json(&body).unwrap_or_default());
    let headers = response.headers_mut();
    match error {
        ApiError::Method { allow } => {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        ApiError::OverCapacity(_) => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        ApiError::TooFast { exhausted, .. } => tell_rate(headers, exhausted),
        _ => {}
    }
    response
}

/// soketi's headers, and the standard one (http-api.md §2).
fn tell_rate(headers: &mut HeaderMap, exhausted: &Exhausted) {
    let Exhausted {
        limit,
        remaining,
        retry_after,
    } = *exhausted;
    headers.insert(RETRY_AFTER, whole_seconds(retry_after).into());
    headers.insert(RATE_LIMIT, limit.into());
    headers.insert(RATE_REMAINING, remaining.into());
}

fn whole_seconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis().div_ceil(1_000))
        .unwrap_or(u64::MAX)
        .max(1)
}

pub(crate) fn to_json(answer: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(answer).map_err(|error| ApiError::Json(error.to_string()))
}

fn respond(status: StatusCode, json: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(json));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
