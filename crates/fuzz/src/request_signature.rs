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

/// The name of the array that is sent besides.
const ARRAY: &str = "ids";

/// How libraries escape.
const ESCAPES: [fn(&str) -> String; 4] = [all, sparing, form, none];

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
    for escape in ESCAPES {
        let sorted = format!("{}&auth_signature={signature}", joined(&params, escape));
        let reversed: Vec<_> = sorted.rsplit('&').collect();
        let reversed = reversed.join("&");
        assert!(accepted(method, path, &sorted), "{sorted}");
        assert!(accepted(method, path, &reversed), "{reversed}");
        let mounted = format!("{MOUNT}{path}");
        let is_path = path.starts_with('/');
        assert!(!is_path || accepted(method, &mounted, &sorted), "mounted");
        let wrong = altered(&sorted);
        assert!(!accepted(method, path, &wrong), "a digit: {wrong}");
        let longer = format!("{sorted}&zz=1");
        assert!(!accepted(method, path, &longer), "a parameter: {longer}");
        assert!(!accepted(&format!("{method}X"), path, &sorted), "a method");
    }
    for Array { sent, signed } in arrays(&params) {
        let signature = sign(&ring, method, path, &signed);
        for escape in ESCAPES {
            let query = format!("{}&auth_signature={signature}", joined(&sent, escape));
            assert!(accepted(method, path, &query), "{query}");
        }
    }
}

/// Names and values.
type Pairs = Vec<(String, String)>;

/// An array among other parameters, as it goes over the wire and as it is signed.
struct Array {
    sent: Pairs,
    signed: Pairs,
}

/// Arrays as libraries send them (http-api.md §3.4), of the values there are.
fn arrays(params: &Pairs) -> [Array; 2] {
    let values = || params.iter().map(|(_, value)| value.clone());
    let repeated: Pairs = values()
        .map(|value| (format!("{ARRAY}[]"), value))
        .collect();
    let numbered = values().enumerate();
    let numbered = numbered.map(|(at, value)| (format!("{ARRAY}[{at}]"), value));
    let in_one = values().collect::<Vec<_>>().join(",");
    let with = |array: Pairs| {
        let at = params.partition_point(|(name, _)| name.as_str() < ARRAY);
        let mut all = params.clone();
        all.splice(at..at, array);
        all
    };
    [
        Array {
            sent: with(repeated.clone()),
            signed: with(repeated),
        },
        // The PHP library.
        Array {
            sent: with(numbered.collect()),
            signed: with(vec![(ARRAY.to_owned(), in_one)]),
        },
    ]
}

/// The parameters as a back end could mean them, by their lower-case names, with those of the
/// signature.
fn parameters(query: &str) -> Pairs {
    let pairs = query.split('&').filter(|part| !part.is_empty());
    let mut params = BTreeMap::new();
    for (name, value) in pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))) {
        let reserved = name.is_empty() || name.contains(['[', '%', '+']);
        let ours = name.starts_with("auth_") || ["body_md5", "zz", ARRAY].contains(&name);
        let lower = name.to_ascii_lowercase();
        if !reserved && !ours && lower == name {
            params.entry(lower).or_insert_with(|| value.to_owned());
        }
    }
    for (name, value) in [("auth_key", KEY), ("auth_version", "1.0")] {
        params.insert(name.to_owned(), value.to_owned());
    }
    params.insert("auth_timestamp".to_owned(), NOW.to_string());
    params.into_iter().collect()
}

/// The parameters as a query.
fn joined(params: &Pairs, escape: fn(&str) -> String) -> String {
    let pairs = params
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Signs as http-api.md §3.1 says: method, path and parameters, each on a line.
fn sign(ring: &KeyRing, method: &str, path: &str, params: &Pairs) -> String {
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
