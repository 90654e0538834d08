//! Signatures of HTTP API requests (http-api.md §3).

mod canonical;
mod error;

use md5::{Digest, Md5};

use crate::excerpt::{FIELD, excerpt};
use crate::query::{Query, percent_encode};
use crate::{Credential, KeyRing, Secret, Signature, hex};

use canonical::{Canonical, Parameters, SIGNATURE, Style, paths};
pub use error::RequestAuthError;

/// Seconds by which the client's clock must differ less from ours. The reference verifier refuses
/// exactly this difference.
pub const TIMESTAMP_TOLERANCE: u64 = 600;

const KEY: &str = "auth_key";
const TIMESTAMP: &str = "auth_timestamp";
const VERSION: &str = "auth_version";
const SUPPORTED_VERSION: &str = "1.0";
const BODY_MD5: &str = "body_md5";

/// Parameters of a request. Each is sorted, escaped and signed for every text that a library could
/// mean, and the key that lets a request come so far is no secret.
const MAX_PARAMETERS: usize = 512;

/// Characters of a canonical text that an error repeats.
const CANONICAL_EXCERPT: usize = 1_000;

/// The head of a request as it came over the wire. It is all that a signature covers: of the body
/// it holds the MD5.
#[derive(Clone, Copy, Debug)]
pub struct SignedHead<'a> {
    /// The method, in any case.
    pub method: &'a str,
    /// The path as received, still percent-encoded.
    pub path: &'a str,
    /// The text after the `?`, still percent-encoded; empty when there is none.
    pub query: &'a str,
    /// The prefix under which a proxy publishes the API, such as `/pusher`; empty when there is
    /// none. Clients that do not know of it sign the path without it.
    pub mount_prefix: &'a str,
}

/// A head that a credential of the app has signed.
#[derive(Clone, Debug)]
pub struct Verified<'r, 'h> {
    /// Whose signature it is.
    pub credential: &'r Credential,
    /// The parameters, taken apart to be verified.
    pub query: Query<'h>,
    /// What the body has to be.
    pub body: SignedBody,
}

/// What a verified head says of the body that is still to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBody {
    /// `body_md5`: absent, or the digest, or nothing that could be one.
    digest: Option<Option<[u8; 16]>>,
}

/// A request that is about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct UnsignedRequest<'a> {
    /// The method, in any case.
    pub method: &'a str,
    /// The path, as it is to be signed.
    pub path: &'a str,
    /// Names and values, not escaped. Those that belong to the signature are added.
    pub params: &'a [(&'a str, &'a str)],
    /// The bytes of the body.
    pub body: &'a [u8],
}

/// Checks, before any of the body is read, that a credential of the app signed this request, and
/// says which.
///
/// Libraries differ in what they escape before and after signing, so the signature is compared
/// with every text that a known library could mean by this request: at most 48, and one for a
/// request without escapes, plus signs, capitals or arrays.
///
/// # Errors
/// The first check that fails, in the order of http-api.md §3.2.
pub fn verify_head<'r, 'h>(
    ring: &'r KeyRing,
    head: &SignedHead<'h>,
    now_unix_seconds: u64,
) -> Result<Verified<'r, 'h>, RequestAuthError> {
    let query = Query::parse(head.query);
    let count = query.pairs().len();
    if count > MAX_PARAMETERS {
        let limit = MAX_PARAMETERS;
        return Err(RequestAuthError::TooManyParameters { count, limit });
    }
    let credential = credential_of(&query, ring)?;
    check_version(&query)?;
    check_timestamp(&query, now_unix_seconds)?;
    let signature = signature_of(&query)?;
    if is_signed(&credential.secret, head, &query, signature) {
        let body = SignedBody {
            digest: query.get(BODY_MD5).map(hex::decode),
        };
        return Ok(Verified {
            credential,
            query,
            body,
        });
    }
    Err(RequestAuthError::WrongSignature {
        text: excerpt(&request_text(head), CANONICAL_EXCERPT),
        got: signature.to_string(),
    })
}

/// The text that a request's signature covers, as the reference client builds it.
#[must_use]
pub fn request_text(head: &SignedHead<'_>) -> String {
    let query = Query::parse(head.query);
    let parameters = Parameters::of_query(&query, Style::REFERENCE);
    let canonical = Canonical {
        method: head.method,
        path: head.path,
        parameters: &parameters,
    };
    canonical.text()
}

impl SignedBody {
    /// Checks that `body`, as received and before any content decoding, is the one that was signed
    /// (http-api.md §3.3). The MD5 of nothing is valid: the Python library sends it with every GET.
    ///
    /// # Errors
    /// The digest is missing or of something else.
    pub fn verify(&self, body: &[u8]) -> Result<(), RequestAuthError> {
        match self.digest {
            Some(digest) if digest == Some(md5_of(body)) => Ok(()),
            Some(_) => Err(RequestAuthError::WrongBodyMd5 { length: body.len() }),
            None if body.is_empty() => Ok(()),
            None => Err(RequestAuthError::MissingBodyMd5),
        }
    }
}

/// Signs a request as the reference client does, and returns its query string: sorted,
/// percent-encoded, signature last. `body_md5` is added when there is a body.
#[must_use]
pub fn sign_request(
    credential: &Credential,
    request: &UnsignedRequest<'_>,
    now_unix_seconds: u64,
) -> String {
    let timestamp = now_unix_seconds.to_string();
    let body_md5 = (!request.body.is_empty()).then(|| {
        let mut text = String::new();
        // A string takes everything.
        let _ = hex::write(&md5_of(request.body), &mut text);
        text
    });
    let added = [
        (KEY, credential.key.as_str()),
        (TIMESTAMP, timestamp.as_str()),
        (VERSION, SUPPORTED_VERSION),
    ];
    let added = added
        .into_iter()
        .chain(body_md5.as_deref().map(|digest| (BODY_MD5, digest)));
    let parameters = Parameters::of_pairs(added.chain(request.params.iter().copied()));
    let canonical = Canonical {
        method: request.method,
        path: request.path,
        parameters: &parameters,
    };
    let signature = credential.secret.sign_bytes(canonical.text().as_bytes());
    let mut query: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
        .collect();
    query.push(format!("{SIGNATURE}={signature}"));
    query.join("&")
}

fn credential_of<'r>(
    query: &Query<'_>,
    ring: &'r KeyRing,
) -> Result<&'r Credential, RequestAuthError> {
    let key = query.get(KEY).ok_or(RequestAuthError::MissingKey)?;
    ring.find(key).ok_or_else(|| RequestAuthError::UnknownKey {
        key: excerpt(key, FIELD),
    })
}

fn check_version(query: &Query<'_>) -> Result<(), RequestAuthError> {
    match query.get(VERSION) {
        Some(SUPPORTED_VERSION) => Ok(()),
        Some(other) => Err(RequestAuthError::UnsupportedVersion {
            version: excerpt(other, FIELD),
        }),
        None => Err(RequestAuthError::MissingVersion),
    }
}

fn check_timestamp(query: &Query<'_>, now: u64) -> Result<(), RequestAuthError> {
    let text = query
        .get(TIMESTAMP)
        .ok_or(RequestAuthError::MissingTimestamp)?;
    let timestamp = text
        .parse()
        .map_err(|_| RequestAuthError::MalformedTimestamp {
            timestamp: excerpt(text, FIELD),
        })?;
    if now.abs_diff(timestamp) < TIMESTAMP_TOLERANCE {
        Ok(())
    } else {
        Err(RequestAuthError::Expired { timestamp, now })
    }
}

fn signature_of(query: &Query<'_>) -> Result<Signature, RequestAuthError> {
    let text = query
        .get(SIGNATURE)
        .ok_or(RequestAuthError::MissingSignature)?;
    Signature::parse(text).map_err(|_| RequestAuthError::MalformedSignature {
        got: excerpt(text, FIELD),
    })
}

fn is_signed(
    secret: &Secret,
    head: &SignedHead<'_>,
    query: &Query<'_>,
    signature: Signature,
) -> bool {
    let paths = paths(head.path, head.mount_prefix);
    let signed_in = |style| {
        let parameters = Parameters::of_query(query, style);
        paths.iter().any(|path| {
            let canonical = Canonical {
                method: head.method,
                path,
                parameters: &parameters,
            };
            signature == secret.sign_bytes(canonical.text().as_bytes())
        })
    };
    // Nearly always the first; what else is possible takes some looking at the query.
    signed_in(Style::REFERENCE) || Style::candidates(query).skip(1).any(signed_in)
}

fn md5_of(body: &[u8]) -> [u8; 16] {
    Md5::digest(body).into()
}

#[cfg(test)]
mod tests;
