//! What holds for any request.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// How a test client writes a parameter on the wire.
#[derive(Clone, Copy, Debug)]
enum Wire {
    /// Only what would break the query is escaped.
    Sparse,
    /// Everything is escaped.
    Full,
    /// As an HTML form: `+` for a space.
    Form,
}

fn on_the_wire(text: &str, wire: Wire) -> String {
    let escape = |c: char| percent_encode(c.encode_utf8(&mut [0; 4]));
    text.chars()
        .map(|c| match (wire, c) {
            (_, '%' | '&' | '=') => escape(c),
            (Wire::Sparse, _) => c.to_string(),
            (Wire::Full, c) if c.is_ascii() => format!("%{:02x}", u32::from(c)),
            (Wire::Form, ' ') => "+".to_owned(),
            (Wire::Full | Wire::Form, _) => escape(c),
        })
        .collect()
}

/// Parameters with distinct names that are not those of the signature.
fn params() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map("q[a-z_0-9.ëß%&=-]{0,6}", any::<String>(), 0..6)
}

fn wire() -> impl Strategy<Value = Wire> {
    prop::sample::select(vec![Wire::Sparse, Wire::Full, Wire::Form])
}

/// A signed POST whose parts are letters and digits, as path, query and body.
fn plain_request() -> impl Strategy<Value = (String, String, String)> {
    (
        "/[a-z0-9/]{1,20}",
        "[a-z][a-z0-9]{0,5}",
        "[a-z0-9]{1,9}",
        "[a-z0-9]{1,20}",
    )
        .prop_map(|(path, name, value, body)| {
            let unsigned = UnsignedRequest {
                method: "POST",
                path: &path,
                params: &[(&name, &value)],
                body: body.as_bytes(),
            };
            let query = sign_request(&ours(), &unsigned, NOW);
            (path, query, body)
        })
}

/// `text` with another printable character at a position, `None` if only the case would change.
fn altered(text: &str, position: prop::sample::Index, replacement: u8) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let slot = position.get_mut(&mut bytes);
    if slot.eq_ignore_ascii_case(&replacement) {
        return None;
    }
    *slot = replacement;
    String::from_utf8(bytes).ok()
}

proptest! {
    #[test]
    fn signed_is_verified_in_any_order_and_encoding(
        params in params(),
        (path, encoded_path) in "/[a-z@,;=%ë/]{0,12}"
            .prop_map(|path| (path.clone(), percent_encode(&path))),
        wire in wire(),
        body in any::<Vec<u8>>(),
        priorities in proptest::collection::vec(any::<u32>(), 16),
    ) {
        let pairs: Vec<_> = params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let unsigned =
            UnsignedRequest { method: "POST", path: &path, params: &pairs, body: &body };
        let query = sign_request(&ours(), &unsigned, NOW);
        let parsed = Query::parse(&query);
        let mut parts: Vec<_> = parsed
            .pairs()
            .iter()
            .zip(&priorities)
            .map(|(pair, priority)| {
                let (name, value) = (&pair.name.decoded, &pair.value.decoded);
                let part = format!("{}={}", on_the_wire(name, wire), on_the_wire(value, wire));
                (priority, part)
            })
            .collect();
        parts.sort();
        let parts: Vec<_> = parts.into_iter().map(|(_, part)| part).collect();
        let query = parts.join("&");
        for path in [&path, &encoded_path] {
            let request = SignedRequest {
                method: "POST", path, query: &query, body: &body, mount_prefix: "/p",
            };
            prop_assert_eq!(refusal(&request, NOW), "");
        }
    }

    #[test]
    fn one_changed_character_is_refused(
        (path, query, body) in plain_request(),
        position: prop::sample::Index,
        replacement in 0x20_u8..0x7f,
    ) {
        prop_assert_eq!(refusal(&post(&path, &query, &body), NOW), "");
        if let Some(path) = altered(&path, position, replacement) {
            prop_assert_ne!(refusal(&post(&path, &query, &body), NOW), "");
        }
        if let Some(query) = altered(&query, position, replacement) {
            prop_assert_ne!(refusal(&post(&path, &query, &body), NOW), "");
        }
        if let Some(body) = altered(&body, position, replacement) {
            prop_assert_ne!(refusal(&post(&path, &query, &body), NOW), "");
        }
    }

    #[test]
    fn any_request_is_answered(
        method: String,
        path: String,
        query: String,
        body: Vec<u8>,
        mount_prefix: String,
    ) {
        // With and without reaching the comparison of candidates.
        let nearly = format!("{AUTH}&auth_signature={LIST_SIGNATURE}&{query}");
        for (query, body) in [(&query, body.as_slice()), (&nearly, b"")] {
            let request = SignedRequest {
                method: &method, path: &path, query, body, mount_prefix: &mount_prefix,
            };
            prop_assert_ne!(refusal(&request, NOW), "");
        }
    }
}
