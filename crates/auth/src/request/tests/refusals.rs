//! Reasons and their order.

use super::*;

fn check(body: &str, query: &str, expect: &str) {
    let request = post("/apps/4242/events", query, body);
    assert_eq!(refusal(&request, NOW), expect, "{query}");
}

#[test]
fn timestamps_are_valid_for_less_than_ten_minutes_around_now() {
    let query = format!("{AUTH}&body_md5={EVENT_MD5}&auth_signature={EVENT_SIGNATURE}");
    let request = post("/apps/4242/events", &query, EVENT);
    for (now, accepted) in [
        (NOW, true),
        (NOW + 599, true),
        (NOW - 599, true),
        (NOW + 600, false),
        (NOW - 600, false),
        (0, false),
        (u64::MAX, false),
    ] {
        let expect = if accepted {
            String::new()
        } else {
            format!(
                "Timestamp expired: Given timestamp ({NOW}) not within 600s of server time ({now})"
            )
        };
        assert_eq!(refusal(&request, now), expect);
    }
}

#[test]
fn the_envelope_is_checked_first() {
    let key = "auth_key=k7f3d0c1b2a39485";
    let to_version = format!("{key}&auth_version=1.0");
    let long = "9".repeat(70);
    let nines = "9".repeat(64);
    let table = [
        ("", "", "Missing parameter: auth_key"),
        ("body", "auth_version=2", "Missing parameter: auth_key"),
        ("", "auth_key=", "Unknown auth_key: ''"),
        ("body", "auth_key=other", "Unknown auth_key: 'other'"),
        (
            "",
            "auth_key=K7F3D0C1B2A39485",
            "Unknown auth_key: 'K7F3D0C1B2A39485'",
        ),
        ("body", key, "Version required: auth_version is missing"),
        (
            "body",
            &format!("{key}&auth_version=1.1"),
            "Version not supported: auth_version must be 1.0, but got '1.1'",
        ),
        (
            "body",
            &to_version,
            "Timestamp required: auth_timestamp is missing",
        ),
        (
            "body",
            &format!("{to_version}&auth_timestamp=soon"),
            "Invalid timestamp: auth_timestamp must be Unix seconds, but got 'soon'",
        ),
        (
            "body",
            &format!("{to_version}&auth_timestamp={long}"),
            &format!("Invalid timestamp: auth_timestamp must be Unix seconds, but got '{nines}…'"),
        ),
        (
            "body",
            &format!("{to_version}&auth_timestamp=1"),
            "Timestamp expired: Given timestamp (1) not within 600s of server time (1760000000)",
        ),
    ];
    for (body, query, expect) in table {
        check(body, query, expect);
    }
}

#[test]
fn the_signature_is_checked_before_the_body() {
    const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
    let table = [
        (
            "body",
            &*format!("{AUTH}&body_md5={EMPTY_MD5}"),
            "Missing parameter: auth_signature",
        ),
        ("", AUTH, "Missing parameter: auth_signature"),
        (
            "",
            &format!("{AUTH}&body_md5={EMPTY_MD5}"),
            "Missing parameter: auth_signature",
        ),
        (
            "",
            &format!("{AUTH}&auth_signature=0%0A"),
            "Invalid signature: auth_signature must be 64 hex digits, but you sent \"0\\n\"",
        ),
        (
            "",
            &format!("info=a%26b&{AUTH}&auth_signature={ZEROS}"),
            &format!(
                "Invalid signature: you should have sent HmacSHA256Hex(\"POST\\n/apps/4242/events\
                 \\n{AUTH}&info=a&b\", your_secret_key), but you sent \"{ZEROS}\""
            ),
        ),
    ];
    for (body, query, expect) in table {
        check(body, query, expect);
    }
}

#[test]
fn the_body_is_what_was_signed() {
    let secret = &ours().secret;
    let signed = |md5: Option<&str>| {
        let digest = md5
            .map(|md5| format!("&body_md5={md5}"))
            .unwrap_or_default();
        let query = format!("{AUTH}{digest}");
        let signature = secret.sign(format_args!("POST\n/apps/4242/events\n{query}"));
        format!("{query}&auth_signature={signature}")
    };
    for (body, md5, expect) in [
        (
            "body",
            None,
            "Missing parameter: body_md5 is required when the request has a body",
        ),
        (
            "body",
            Some(EMPTY_MD5),
            "Invalid body_md5: it is not the MD5 of the 4 bytes of body received",
        ),
        (
            "",
            Some(EVENT_MD5),
            "Invalid body_md5: it is not the MD5 of the 0 bytes of body received",
        ),
        (
            "",
            Some(""),
            "Invalid body_md5: it is not the MD5 of the 0 bytes of body received",
        ),
    ] {
        check(body, &signed(md5), expect);
    }
}

#[test]
fn long_canonical_texts_are_cut() {
    let query = format!(
        "{AUTH}&a={}&auth_signature={LIST_SIGNATURE}",
        "é".repeat(5_000)
    );
    let error = verify_request(&ring(ours()), &get("/", &query), NOW).unwrap_err();
    let RequestAuthError::WrongSignature { text, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(text.chars().count(), 1_001);
    assert!(text.starts_with("GET\n/\na=éé") && text.ends_with("é…"));
}
