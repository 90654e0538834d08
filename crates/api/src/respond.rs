//! Answers of the API: JSON, whatever happens.

use std::time::Duration;

use bytes::Bytes;
use foghorn_protocol::{Allowance, Exhausted};
use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use crate::answer::Answer;
use crate::error::ApiError;

const JSON: &str = "application/json";

const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");

#[derive(Serialize)]
struct ErrorBody {
    error: String,
    code: u16,
}

/// A success: a JSON object.
pub(crate) fn success(status: StatusCode, json: Bytes) -> Answer {
    Answer::new(status, JSON, json)
}

/// A refusal: a JSON object that says what is wrong.
pub(crate) fn refusal(error: &ApiError) -> Answer {
    let status = error.status();
    let body = ErrorBody {
        error: error.to_string(),
        code: status.as_u16(),
    };
    let answer = Answer::new(status, JSON, to_json(&body).unwrap_or_default());
    match error {
        ApiError::Method { allow } => answer.with(ALLOW, HeaderValue::from_static(allow)),
        ApiError::OverCapacity(_) | ApiError::Unsure => {
            answer.with(RETRY_AFTER, HeaderValue::from_static("1"))
        }
        ApiError::OverQuota { over, .. } => {
            answer.with(RETRY_AFTER, whole_seconds(over.reset.after).into())
        }
        ApiError::TooFast { exhausted, .. } => tell_rate(answer, exhausted),
        _ => answer,
    }
}

/// soketi's headers, and the standard one (http-api.md §2).
fn tell_rate(answer: Answer, exhausted: &Exhausted) -> Answer {
    let Exhausted {
        limit,
        remaining,
        retry_after,
    } = *exhausted;
    let answer = answer.with(RETRY_AFTER, whole_seconds(retry_after).into());
    tell_allowance(answer, Allowance { limit, remaining })
}

/// soketi tells it with what it accepts, too.
pub(crate) fn tell_allowance(answer: Answer, Allowance { limit, remaining }: Allowance) -> Answer {
    answer
        .with(RATE_LIMIT, limit.into())
        .with(RATE_REMAINING, remaining.into())
}

fn whole_seconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis().div_ceil(1_000))
        .unwrap_or(u64::MAX)
        .max(1)
}

pub(crate) fn to_json(answer: &impl Serialize) -> Result<Bytes, ApiError> {
    serde_json::to_vec(answer)
        .map(Bytes::from)
        .map_err(|error| ApiError::Json(error.to_string()))
}
