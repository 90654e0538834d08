//! Paths and query strings of the HTTP API, and the signatures in them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use foghorn_auth::{KeyRing, Query, SignedHead, verify_head};

use crate::first_line;
use crate::world::{self, KEY};

/// The time at which requests are signed and verified.
const NOW: u64 = 1_760_000_000;

/// Where a proxy mounts the API.
const MOUNT: &str = "/p";

/// The lines are the method, the path and the query; nothing in them is signed.
///
/// As it stands, no request is accepted. Signed as a back end would sign it, it is accepted in
/// whatever way a library escapes and orders parameters, and in no other way.
pub fn request_signature(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (method, rest) = first_line(text);
    let (path, query) = first_line(rest);
    let ring = world::ring();
    let accepted = |method: &str, path: &str, query: &str| {
        let head = SignedHead {
            method,
            path,
            query,
            mount_prefix: MOUNT,
        };
        verify_head(&ring, &head, NOW).is_ok()
    };
    assert!(!accepted(method, path, query), "nobody signed it");

    let params = parameters(query);
    let escaped = joined(&params, all);
    let read = Query::parse(&escaped);
    for (name, value) in &params {
        assert_eq!(read.get(name), Some(value.as_str()), "{escaped}");
    }
    let signature = sign(&ring, method, path, &params);
    for escape in [all as fn(&str) -> String, sparing, form, none] {
        let sorted = format!("{}&auth_signature={signature}", joined(&params, escape));
        let reversed: Vec<_> = sorted.rsplit('&').collect();
        let reversed = reversed.join("&");
        assert!(accepted(method, path, &sorted), "{sorted}");
        assert!(accepted(method, path, &reversed), "{reversed}");
        let mounted = format!("{MOUNT}{path}");
        assert!(
            !path.starts_with('/') || accepted(method, &mounted, &sorted),
            "{mounted}"
        );
        let wrong = altered(&sorted);
        assert!(!accepted(method, path, &wrong), "a digit is wrong: {wrong}");
        let longer = format!("{sorted}&zz=1");
        assert!(
            !accepted(method, path, &longer),
            "a parameter more: {longer}"
        );
        assert!(
            !accepted(&format!("{method}X"), path, &sorted),
            "another method"
        );
    }
}

/// The parameters as a back end could mean them, by their lower-case names, with those of the
/// signature. Arrays are left to the tests of the signatures, for they have rules of their own.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter(|part| !part.is_empty());
    let mut params = BTreeMap::new();
    for (name, value) in pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))) {
        let reserved = name.is_empty() || name.contains(['[', '%', '+']);
        let ours = name.starts_with("auth_") || name == "body_md5" || name == "zz";
        let lower = name.to_ascii_lowercase();
        if !reserved && !ours && lower == name {
            params.entry(lower).or_insert_with(|| value.to_owned());
        }
    }
    for (name, value) in [("auth_key", KEY), ("auth_version", "1.0")] {
        params.insert(name.to_owned(), value.to_owned());
    }
    params.insert("auth_timestamp".to_owned(), NOW.to_string());
    params
}

/// The parameters as a query.
fn joined(params: &BTreeMap<String, String>, escape: fn(&str) -> String) -> String {
    let pairs = params
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Signs as http-api.md §3.1 says: method, path and parameters, each on a line.
fn sign(ring: &KeyRing, method: &str, path: &str, params: &BTreeMap<String, String>) -> String {
    let parameters = joined(params, none);
    let text = format!("{}\n{path}\n{parameters}", method.to_ascii_uppercase());
    let credential = ring.find(KEY).unwrap();
    credential.secret.sign(text).to_string()
}

/// Everything but the unreserved characters is escaped, as most libraries do.
fn all(text: &str) -> String {
    escape(text, |byte| {
        !byte.is_ascii_alphanumeric() && !b"-._~".contains(&byte)
    })
}

/// Only what would break the query is escaped.
fn sparing(text: &str) -> String {
    escape(text, |byte| b"%&=#".contains(&byte))
}

/// As an HTML form.
fn form(text: &str) -> String {
    all(text).replace("%20", "+")
}

/// As several libraries do.
fn none(text: &str) -> String {
    text.to_owned()
}

fn escape(text: &str, needed: impl Fn(u8) -> bool) -> String {
    let mut escaped = Vec::new();
    for byte in text.bytes() {
        if needed(byte) {
            let mut digits = String::new();
            write!(digits, "%{byte:02X}").unwrap();
            escaped.extend(digits.into_bytes());
        } else {
            escaped.push(byte);
        }
    }
    String::from_utf8(escaped).unwrap()
}

/// `query` with another last digit of its signature.
fn altered(query: &str) -> String {
    let mut altered = query.to_owned();
    let last = altered.pop();
    altered.push(if last == Some('0') { '1' } else { '0' });
    altered
}
