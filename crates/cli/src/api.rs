//! Signed requests to the HTTP API (http-api.md §3).

use std::time::Duration;

use bytes::Bytes;
use foghorn_auth::{UnsignedRequest, sign_request};
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;

use crate::address::Address;
use crate::clock;
use crate::dial::dial;
use crate::failure::Failure;
use crate::target::Target;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of an answer; the longest is a list of channels.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// Characters of an answer that a complaint repeats.
const SAID_LIMIT: usize = 500;

/// How the tools call themselves.
pub(crate) const AGENT: &str = concat!("foghorn-cli/", env!("CARGO_PKG_VERSION"));

/// One question to the API of an app.
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    /// Below `/apps/ID`, with a slash at its start, escaped where need be.
    pub(crate) path: String,
    /// Names and values, not escaped.
    pub(crate) params: &'a [(&'a str, &'a str)],
    /// JSON, or empty.
    pub(crate) body: String,
}

/// Asks and waits for the answer.
pub(crate) fn ask(target: &Target, question: Question<'_>) -> Result<Value, Failure> {
    runtime()?.block_on(exchange(target, question))
}

/// What carries out a command's waiting.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::refused(format!("cannot start: {error}")))
}

/// Asks within a runtime.
pub(crate) async fn exchange(target: &Target, question: Question<'_>) -> Result<Value, Failure> {
    let address = &target.addresses.api;
    let (status, text) = answered(address, request(target, question)?).await?;
    if status == StatusCode::OK {
        let alien = |_| {
            let hint = "is it the HTTP API of a Pusher-compatible server?";
            Failure::refused(format!("{address} answers 200 without JSON")).hint(hint)
        };
        serde_json::from_str(&text).map_err(alien)
    } else {
        Err(refusal(status, &text))
    }
}

/// Sends a request; gives the status and the text of the answer.
pub(crate) async fn answered(
    address: &Address,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, String), Failure> {
    let late = |_| Failure::refused(format!("no answer from {address} in time"));
    let answered = tokio::time::timeout(PATIENCE, send(address, request)).await;
    answered.map_err(late)?
}

async fn send(
    address: &Address,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, String), Failure> {
    let lost = |error: &dyn std::error::Error| {
        let hint = "is it the HTTP API, and does --url say http or https as the server does?";
        Failure::refused(format!("no answer from {address}: {error}")).hint(hint)
    };
    let stream = TokioIo::new(dial(address).await?);
    let (mut sender, connection) = http1::handshake(stream).await.map_err(|e| lost(&e))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|e| lost(&e))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await;
        let body = body.map_err(|error| lost(&*error))?.to_bytes();
        Ok((head.status, String::from_utf8_lossy(&body).into_owned()))
    };
    tokio::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        // The connection may end together with the answer, which is whole by then.
        _ = connection => exchange.await,
    }
}

fn request(target: &Target, question: Question<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let address = &target.addresses.api;
    let Question {
        method,
        path,
        params,
        body,
    } = question;
    let path = format!("{}/apps/{}{path}", address.prefix, segment(&target.app_id));
    let unsigned = UnsignedRequest {
        method: method.as_str(),
        path: &path,
        params,
        body: body.as_bytes(),
    };
    let query = sign_request(&target.credential, &unsigned, clock::unix_seconds().0);
    Request::builder()
        .method(method)
        .uri(format!("{path}?{query}"))
        .header(header::HOST, address.authority())
        .header(header::USER_AGENT, AGENT)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| Failure::usage(format!("cannot ask for {path}: {error}")))
}

/// One segment of a path. What channel names are made of stays as it is, as the SDKs send it.
pub(crate) fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        let kept = byte.is_ascii_alphanumeric() || b"_-=@,.;~".contains(&byte);
        if kept {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
        escaped
    })
}

/// A refusal, in the server's words.
pub(crate) fn refused(status: StatusCode, text: &str) -> Failure {
    Failure::refused(format!("the server refuses with {status}: {}", said(text)))
}

fn refusal(status: StatusCode, text: &str) -> Failure {
    let failure = refused(status, text);
    match hint(status, &said(text)) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn said(text: &str) -> String {
    let said = serde_json::from_str::<Value>(text).ok();
    let said = said.as_ref().and_then(|body| body.get("error")?.as_str());
    // A page is for browsers; it comes from something in front of the server.
    let plain = Some(text.trim()).filter(|text| !text.starts_with('<'));
    let said = said.or(plain).unwrap_or_default();
    said.chars().take(SAID_LIMIT).collect()
}

fn hint(status: StatusCode, said: &str) -> Option<&'static str> {
    Some(match status {
        StatusCode::UNAUTHORIZED if said.starts_with("Timestamp expired") => {
            "the clocks of this computer and of the server differ too much; set the wrong one"
        }
        StatusCode::UNAUTHORIZED => {
            "do --app-id, --key and --secret belong together? `foghorn verify request` explains \
             a signature that another program made"
        }
        StatusCode::NOT_FOUND => {
            "does the server have an app of this id, and does --url have the server's path prefix?"
        }
        StatusCode::FORBIDDEN => "the app is disabled or over its quota",
        StatusCode::TOO_MANY_REQUESTS => "the app is over its rate limit; try again later",
        StatusCode::SERVICE_UNAVAILABLE => "the server is overloaded or stopping; try again",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_what_names_are_made_of() {
        assert_eq!(segment("presence-a@b,c;d=e.f_g"), "presence-a@b,c;d=e.f_g");
        assert_eq!(segment("auth0|1 é/#"), "auth0%7C1%20%C3%A9%2F%23");
    }

    #[test]
    fn refusals_repeat_the_server_and_advise() {
        let table = [
            (
                401,
                r#"{"error":"Unknown auth_key: 'k'","code":401}"#,
                "Unknown auth_key: 'k'",
                "belong",
            ),
            (
                401,
                "Timestamp expired: …\n",
                "Timestamp expired: …",
                "clocks",
            ),
            (404, "", "404 Not Found: ", "path prefix"),
            (413, "<html>", "413 Payload Too Large: \"", ""),
        ];
        for (status, body, said, hint) in table {
            let failure = refusal(StatusCode::from_u16(status).unwrap(), body);
            let text = format!("{failure:?}");
            assert!(text.contains(said) && text.contains(hint), "{text}");
            assert_eq!(text.contains("hint: None"), hint.is_empty(), "{text}");
        }
    }
}
