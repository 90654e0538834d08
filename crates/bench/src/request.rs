//! Signed publishes as they go over the wire.

use std::io::Write as _;

use foghorn_auth::{Credential, UnsignedRequest, sign_request};

use crate::clock;
use crate::marker::Marker;

/// What all publishes have in common.
pub(crate) struct Requests {
    pub(crate) credential: Credential,
    /// As in a `Host` header.
    pub(crate) authority: String,
    /// With the server's path prefix, to `/apps/ID`.
    pub(crate) app_path: String,
    /// What the channels' names begin with; a number follows.
    pub(crate) prefix: String,
    /// Bytes of an event's data.
    pub(crate) payload: usize,
    /// Events in a request, which is no batch if it is `None`.
    pub(crate) batch: Option<usize>,
}

impl Requests {
    /// How many events a request has.
    pub(crate) fn events(&self) -> usize {
        self.batch.unwrap_or(1)
    }

    /// Writes a request with these events, each with its channel.
    pub(crate) fn write(&self, out: &mut Vec<u8>, events: &[(usize, Marker)]) {
        let body = self.body(events);
        let name = match self.batch {
            Some(_) => "batch_events",
            None => "events",
        };
        let path = format!("{}/{name}", self.app_path);
        let unsigned = UnsignedRequest {
            method: "POST",
            path: &path,
            params: &[],
            body: &body,
        };
        let query = sign_request(&self.credential, &unsigned, clock::unix_seconds());
        let authority = &self.authority;
        let length = body.len();
        // A vector takes everything.
        let _ = write!(
            out,
            "POST {path}?{query} HTTP/1.1\r\nHost: {authority}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        out.extend_from_slice(&body);
    }

    fn body(&self, events: &[(usize, Marker)]) -> Vec<u8> {
        let prefix = &self.prefix;
        let mut body = Vec::with_capacity(events.len() * (self.payload + 100));
        body.extend_from_slice(if self.batch.is_some() {
            b"{\"batch\":["
        } else {
            b""
        });
        for (place, (channel, marker)) in events.iter().enumerate() {
            body.extend_from_slice(if place > 0 { b"," } else { b"" });
            let target = match self.batch {
                Some(_) => format!(r#""channel":"{prefix}{channel}""#),
                None => format!(r#""channels":["{prefix}{channel}"]"#),
            };
            let head = format!(r#"{{"name":"bench",{target},"data":""#);
            body.extend_from_slice(head.as_bytes());
            marker.append(&mut body, self.payload);
            body.extend_from_slice(b"\"}");
        }
        body.extend_from_slice(if self.batch.is_some() { b"]}" } else { b"" });
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_auth::{AppKey, Secret};

    impl Requests {
        /// Of an app that does not exist.
        pub(crate) fn sample(batch: Option<usize>) -> Self {
            Self {
                credential: Credential {
                    key: AppKey::parse("k").unwrap(),
                    secret: Secret::parse("s").unwrap(),
                },
                authority: "h:1".to_owned(),
                app_path: "/p/apps/7".to_owned(),
                prefix: "c-".to_owned(),
                payload: 50,
                batch,
            }
        }
    }

    fn written(batch: Option<usize>, events: usize) -> (String, serde_json::Value) {
        let marker = Marker {
            publisher: 1,
            sequence: 2,
            sent: 3,
        };
        let events: Vec<_> = (0..events).map(|channel| (channel, marker)).collect();
        let mut out = Vec::new();
        Requests::sample(batch).write(&mut out, &events);
        let text = String::from_utf8(out).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        (head.to_owned(), serde_json::from_str(body).unwrap())
    }

    #[test]
    fn a_single_event_has_data_of_the_asked_length() {
        let (head, body) = written(None, 1);
        assert!(
            head.starts_with("POST /p/apps/7/events?auth_key=k&"),
            "{head}"
        );
        assert_eq!(body["channels"], serde_json::json!(["c-0"]));
        assert_eq!(body["data"].as_str().unwrap().len(), 50);
    }

    #[test]
    fn a_batch_has_all_its_events() {
        let (head, body) = written(Some(3), 3);
        assert!(head.starts_with("POST /p/apps/7/batch_events?"), "{head}");
        let batch = body["batch"].as_array().unwrap();
        let channels: Vec<_> = batch.iter().map(|event| &event["channel"]).collect();
        assert_eq!(channels, ["c-0", "c-1", "c-2"]);
    }
}
