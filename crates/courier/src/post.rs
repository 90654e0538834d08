//! Makes one request.

mod address;
mod connect;
mod failure;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foghorn_webhooks::Delivery;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::settings::RequestSettings;
pub use connect::AuthoritiesError;
use connect::Connect;
pub(crate) use failure::Failure;

const KEY: HeaderName = HeaderName::from_static("x-pusher-key");
const SIGNATURE: HeaderName = HeaderName::from_static("x-pusher-signature");
const ATTEMPT: HeaderName = HeaderName::from_static("x-webhook-attempt");

/// Verifiers compare the whole value, so there is no charset (webhooks.md §1).
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("foghorn/", env!("CARGO_PKG_VERSION")));

/// What is read of an answer's body, so that its connection can be used again (webhooks.md §7).
const ANSWER_LIMIT: usize = 64 * 1_024;

/// How long an unused connection is kept.
const KEPT: Duration = Duration::from_secs(60);

/// Makes requests, over kept connections where it can.
pub(crate) struct Post {
    client: Client<Connect, Full<Bytes>>,
    timeout: Duration,
}

impl Post {
    pub(crate) fn new(
        settings: &RequestSettings,
        concurrency: usize,
    ) -> Result<Self, AuthoritiesError> {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT)
            .pool_max_idle_per_host(concurrency)
            .build(Connect::new(settings)?);
        Ok(Self {
            client,
            timeout: settings.timeout,
        })
    }

    /// Sends a delivery. It is taken if the answer's status says so, whatever comes after that.
    pub(crate) async fn send(&self, delivery: &Delivery, attempt: u32) -> Result<(), Failure> {
        let request = request(delivery, attempt)?;
        let deadline = tokio::time::Instant::now() + self.timeout;
        let answer = tokio::time::timeout_at(deadline, self.client.request(request)).await;
        let answer = answer.map_err(|_| Failure::timed_out(self.timeout))?;
        let answer = answer.map_err(|error| Failure::of(&error))?;
        let status = answer.status();
        // Without its rest the connection cannot be used again, which is all there is to lose.
        let _ = tokio::time::timeout_at(deadline, read_on(answer)).await;
        if status.is_success() {
            Ok(())
        } else {
            Err(Failure::status(status))
        }
    }
}

/// Reads the body, up to a limit, and ignores it.
async fn read_on(mut answer: Response<Incoming>) {
    let mut read = 0;
    while let Some(Ok(frame)) = answer.body_mut().frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > ANSWER_LIMIT {
            break;
        }
    }
}

fn request(delivery: &Delivery, attempt: u32) -> Result<Request<Full<Bytes>>, Failure> {
    let body = Bytes::from_owner(Arc::clone(&delivery.body));
    let mut request = Request::post(&delivery.target.url)
        .body(Full::new(body))
        .map_err(|_| Failure::unusable("the target's URL is none"))?;
    let headers = request.headers_mut();
    for (name, value) in &delivery.target.headers {
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) else {
            return Err(Failure::unusable("one of the target's headers is none"));
        };
        headers.append(name, value);
    }
    let key = delivery.key.as_str().parse();
    headers.insert(
        KEY,
        key.map_err(|_| Failure::unusable("the key fits in no header"))?,
    );
    let signature = delivery.signature.parse();
    let signature = signature.map_err(|_| Failure::unusable("the signature is none"))?;
    headers.insert(SIGNATURE, signature);
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(ATTEMPT, attempt.into());
    headers.entry(USER_AGENT).or_insert(AGENT);
    Ok(request)
}
