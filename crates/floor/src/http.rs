//! HTTP requests, and the check of their signatures.

use std::io;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::{Digest, Sha256};

const HEADERS: usize = 32;

/// A whole request.
#[derive(Debug, PartialEq)]
pub(crate) struct Request<'a> {
    pub(crate) path: &'a str,
    /// The text after the `?`.
    pub(crate) query: &'a str,
    /// `Sec-WebSocket-Key`, of a request for an upgrade.
    pub(crate) websocket_key: Option<&'a str>,
    pub(crate) body: &'a [u8],
    /// Bytes of the input that the request took up.
    pub(crate) size: usize,
}

/// The bytes are no HTTP request.
#[derive(Debug, PartialEq)]
pub(crate) struct Malformed;

/// The request at the front of `input`; `None` if it is not there yet as a whole.
pub(crate) fn first_request(input: &[u8]) -> Result<Option<Request<'_>>, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head_size) = head.parse(input).map_err(|_| Malformed)? else {
        return Ok(None);
    };
    let value = |name: &str| {
        let header = head
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name));
        header.and_then(|header| str::from_utf8(header.value).ok())
    };
    let length = match value("content-length") {
        Some(text) => text.parse().map_err(|_| Malformed)?,
        None => 0,
    };
    let size = head_size.checked_add(length).ok_or(Malformed)?;
    let Some(body) = input.get(head_size..size) else {
        return Ok(None);
    };
    let target = head.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Some(Request {
        path,
        query,
        websocket_key: value("sec-websocket-key"),
        body,
        size,
    }))
}

/// Checks the signatures of publishes (http-api.md §3). It knows one spelling of the query: sorted,
/// nothing escaped, and the signature at its end, as the Node SDK and `foghorn bench` write it.
pub(crate) struct Guard {
    /// How the query of a signed request begins.
    query_start: String,
    /// The HMAC after the secret went in, from where every check starts.
    keyed: Hmac<Sha256>,
}

impl Guard {
    /// A guard for the app with this key and secret.
    pub(crate) fn new(key: &str, secret: &str) -> io::Result<Self> {
        // HMAC takes a key of any length; the conversion only has no infallible form.
        let keyed = Hmac::new_from_slice(secret.as_bytes()).map_err(io::Error::other)?;
        Ok(Self {
            query_start: format!("auth_key={key}&"),
            keyed,
        })
    }

    /// Whether this is a `POST` that the app's secret has signed, with the body that was meant.
    pub(crate) fn accepts(&self, request: &Request<'_>) -> bool {
        self.check(request).is_some()
    }

    fn check(&self, request: &Request<'_>) -> Option<()> {
        let (signed, signature) = request.query.rsplit_once("&auth_signature=")?;
        let (_, body_md5) = signed
            .strip_prefix(&self.query_start)?
            .rsplit_once("&body_md5=")?;
        if decode(body_md5)? != <[u8; 16]>::from(Md5::digest(request.body)) {
            return None;
        }
        let mut keyed = self.keyed.clone();
        for part in ["POST\n", request.path, "\n", signed] {
            keyed.update(part.as_bytes());
        }
        keyed.verify_slice(&decode::<32>(signature)?).ok()
    }
}

fn decode<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if hex.len() != N * 2 {
        return None;
    }
    HEXLOWER.decode_mut(hex.as_bytes(), &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Pusher's documentation.
    const KEY: &str = "278d425bdf160c739803";
    const SECRET: &str = "7ad3773142a6692b25b8";
    const BODY: &str = r#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
    const QUERY: &str = "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0\
        &body_md5=ec365a775a4cd0599faeb73354201b6f\
        &auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c";

    fn published(target: &str, body: &str) -> String {
        let length = body.len();
        format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-length: {length}\r\n\r\n{body}")
    }

    #[test]
    fn a_request_ends_with_its_body() {
        let input = published(&format!("/apps/3/events?{QUERY}"), BODY) + "POST";
        let request = first_request(input.as_bytes()).unwrap().unwrap();
        assert_eq!((request.path, request.query), ("/apps/3/events", QUERY));
        assert_eq!(request.body, BODY.as_bytes());
        assert_eq!(request.size, input.len() - "POST".len());
        for end in 0..request.size {
            assert_eq!(first_request(&input.as_bytes()[..end]), Ok(None));
        }
    }

    #[test]
    fn an_upgrade_names_its_key() {
        let input = b"GET /app/key HTTP/1.1\r\nsec-websocket-key: abc\r\n\r\n";
        let request = first_request(input).unwrap().unwrap();
        assert_eq!((request.websocket_key, request.query), (Some("abc"), ""));
    }

    #[test]
    fn what_is_no_request_is_malformed() {
        let negative = b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n";
        for input in [&b"\x16\x03\x01"[..], negative] {
            assert_eq!(first_request(input), Err(Malformed));
        }
    }

    #[test]
    fn the_documented_signature_is_accepted_and_no_other() {
        let accepts = |guard: &Guard, target: &str, body: &str| {
            let input = published(target, body);
            guard.accepts(&first_request(input.as_bytes()).unwrap().unwrap())
        };
        let guard = Guard::new(KEY, SECRET).unwrap();
        let target = format!("/apps/3/events?{QUERY}");
        assert!(accepts(&guard, &target, BODY));
        assert!(!accepts(&guard, &target, &BODY.replace("foo", "fop")));
        assert!(!accepts(&guard, &target.replace("/3/", "/4/"), BODY));
        assert!(!accepts(
            &guard,
            &target.replace("3088179", "3088170"),
            BODY
        ));
        assert!(!accepts(&guard, "/apps/3/events", BODY));
        for (key, secret) in [(KEY, "another"), ("another", SECRET)] {
            assert!(!accepts(&Guard::new(key, secret).unwrap(), &target, BODY));
        }
    }
}
