//! Signatures that people bring, each with one mistake or two, and what is said of them.

use foghorn_auth::{AppKey, Credential, Query, SignedHead, request_text};

use super::super::mistakes;
use super::*;
use crate::target::Origin;

const SECRET: &str = "s3cr3t-9f8e7d6c5b4a";
const SOCKET: &str = "52107.884320";
const LOBBY: &str = "presence-lobby";
const DATA: &str = r#"{"user_id":"u-17","user_info":{"nick":"Zoë"}}"#;

fn given(secret: &str) -> GivenCredential {
    GivenCredential {
        credential: Credential {
            key: AppKey::parse("k7f3d0c1b2a39485").unwrap(),
            secret: Secret::parse(secret).unwrap(),
        },
        secret_text: secret.to_owned(),
        origin: Origin::Given,
    }
}

fn sign(secret: &str, text: &str) -> String {
    Secret::parse(secret).unwrap().sign(text).to_string()
}

fn explain(digest: &str, secret: &str, signed: Option<&str>) -> Verdict {
    let given = given(secret);
    let examination = Examination {
        text: format!("{SOCKET}:{LOBBY}:{DATA}").into_bytes(),
        parts: Part::of_channel(SOCKET, LOBBY, Some(DATA)),
        attempts: mistakes::of_channel(&given, [SOCKET, LOBBY], Some(DATA)),
        digest,
        given: &given,
        signed: signed.map(|text| text.as_bytes().to_vec()),
    };
    examination.explain("refused".to_owned(), None)
}

/// What is said, and the hint at the first difference.
fn told(verdict: &Verdict) -> (String, Option<(usize, &'static str)>) {
    let json = serde_json::to_value(verdict).unwrap();
    let mistake = json["mistake"].as_str().unwrap_or_default().to_owned();
    let place = verdict.difference.as_ref();
    (mistake, place.map(|d| (d.at, d.hint.unwrap_or_default())))
}

#[test]
fn mistakes_in_a_subscription_are_named() {
    let python = r#"{"user_id": "u-17", "user_info": {"nick": "Zo\u00eb"}}"#;
    for (text, mistake) in [
        (format!("{SOCKET}:{LOBBY}"), "channel_data was not signed"),
        (
            format!("{SOCKET}:{LOBBY}:{python}"),
            "with spaces after colons and commas, with non-",
        ),
        (format!("{SOCKET}:{LOBBY}:{DATA}\n"), "line break"),
        (format!("{SOCKET}::user::{DATA}"), "signed as a sign-in"),
        (format!("{LOBBY}:{SOCKET}:{DATA}"), "swapped"),
        (
            format!("52107.88432:{LOBBY}:{DATA}"),
            "the socket id was signed in another form",
        ),
        (
            format!("undefined:{LOBBY}:{DATA}"),
            "the socket id was undefined",
        ),
        (format!("{SOCKET}:lobby:{DATA}"), "without its prefix"),
        (
            format!("k7f3d0c1b2a39485:{SOCKET}:{LOBBY}:{DATA}"),
            "the key was signed too",
        ),
    ] {
        let verdict = explain(&sign(SECRET, &text), SECRET, None);
        let (said, _) = told(&verdict);
        assert!(said.contains(mistake), "{text}: {said}");
        assert_eq!(verdict.signed_text.as_deref(), Some(text.as_str()));
        assert!(
            verdict.difference.is_some() && !verdict.is_right(),
            "{text}"
        );
    }
}

#[test]
fn mistakes_with_a_secret_are_named() {
    let right = format!("{SOCKET}:{LOBBY}:{DATA}");
    for (signer, given, mistake) in [
        (
            "k7f3d0c1b2a39485",
            SECRET,
            "the key was used in place of the secret",
        ),
        (
            "s3cr3t-9f8e7d6c5b4a\n",
            SECRET,
            "the signer's secret ends with a line break",
        ),
        (SECRET, " s3cr3t-9f8e7d6c5b4a ", "white space around it"),
        (
            "\"s3cr3t-9f8e7d6c5b4a\"",
            SECRET,
            "the signer's secret has quotes",
        ),
        (
            SECRET,
            "'s3cr3t-9f8e7d6c5b4a'",
            "the secret given here has quotes",
        ),
    ] {
        let (said, place) = told(&explain(&sign(signer, &right), given, None));
        assert!(said.contains(mistake), "{said}");
        assert_eq!(place, None);
    }
}

#[test]
fn two_mistakes_are_both_named() {
    let digest = sign("k7f3d0c1b2a39485", &format!("{SOCKET}:{LOBBY}"));
    let (said, place) = told(&explain(&format!("sha256={digest}"), SECRET, None));
    let expect = "it begins with sha256=, which does not belong there; and channel_data was not \
                  signed; and the key was used in place of the secret";
    assert_eq!(said, expect);
    assert_eq!(
        place,
        Some((27, "the rest, after this colon, is not signed"))
    );
}

#[test]
fn what_is_not_known_is_not_guessed() {
    let verdict = explain(&sign("another secret", "another text"), SECRET, None);
    assert_eq!(told(&verdict), (String::new(), None));
    assert!(verdict.notes[0].contains("--signed-text"));

    // What cannot be read needs no search.
    let verdict = explain("zz", SECRET, None);
    assert_eq!(
        told(&verdict).0,
        "the signature is no text of 64 hex digits"
    );
    assert!(verdict.notes.is_empty());
}

#[test]
fn a_text_that_the_person_knows_is_compared() {
    let other = format!("52107.884321:{LOBBY}:{DATA}");
    let verdict = explain(&sign(SECRET, &other), SECRET, Some(&other));
    assert_eq!(
        told(&verdict),
        (String::new(), Some((11, "another socket id was signed")))
    );

    let verdict = explain(&sign("another", &other), SECRET, Some(&other));
    let (said, place) = told(&verdict);
    assert!(said.starts_with("the text is wrong, and"), "{said}");
    assert_eq!(place.unwrap().0, 11);

    let right = format!("{SOCKET}:{LOBBY}:{DATA}");
    let (said, place) = told(&explain(&sign("another", &right), SECRET, Some(&right)));
    assert!(said.starts_with("the text is right: "), "{said}");
    assert_eq!(place, None);
}

#[test]
fn no_verdict_holds_the_right_digest() {
    let right = sign(SECRET, &format!("{SOCKET}:{LOBBY}:{DATA}"));
    for digest in ["", "00", &"0".repeat(64)] {
        let json = serde_json::to_string(&explain(digest, SECRET, None)).unwrap();
        assert!(!json.contains(&right), "{json}");
    }
}

#[test]
fn mistakes_in_a_request_are_named() {
    let query = "auth_version=1.0&auth_key=k7f3d0c1b2a39485&auth_timestamp=1760000000\
                 &body_md5=1c7ea915f93f1a602b0643b15affc8b8&auth_signature=00";
    let head = SignedHead {
        method: "POST",
        path: "/ws/apps/4242/events",
        query,
        mount_prefix: "/ws",
    };
    assert_eq!(Query::parse(query).get("auth_signature"), Some("00"));
    let right = request_text(&head);
    let sent = query.replace("&auth_signature=00", "");
    let start = "POST\n/ws/apps/4242/events\n";
    let params = right.strip_prefix(start).unwrap();
    let given = given(SECRET);
    for (text, mistake) in [
        (right.replace('\n', "\\n"), "a backslash and an n"),
        (right.replace('\n', "\r\n"), "\\r\\n"),
        (
            right.to_lowercase(),
            "the method was signed in small letters",
        ),
        (right.replace("/ws", ""), "without its prefix"),
        (format!("{start}{sent}"), "in the order sent"),
        (
            right.replace("&body_md5=1c7ea915f93f1a602b0643b15affc8b8", ""),
            "body_md5 was not",
        ),
        (format!("{start}?{params}"), "a question mark"),
        (
            format!("GET\n/apps/4242/events\n{params}\n"),
            "another method was signed; and the path",
        ),
    ] {
        let examination = Examination {
            text: right.clone().into_bytes(),
            parts: Part::of_request(&right),
            attempts: mistakes::of_request(&right, query),
            digest: &sign(SECRET, &text),
            given: &given,
            signed: None,
        };
        let (said, _) = told(&examination.explain("refused".to_owned(), None));
        assert!(said.contains(mistake), "{text}: {said}");
    }
}

#[test]
fn mistakes_with_user_data_and_webhooks_are_named() {
    let given = given(SECRET);
    let user_data = r#"{"id":"u-17"}"#;
    for (text, mistake) in [
        (format!("{SOCKET}:user:{user_data}"), ":user: was signed"),
        (format!("{SOCKET}::user::u-17"), "the user's id was signed"),
        (
            format!(r#"{SOCKET}::user::{{"id": "u-17"}}"#),
            "another user_data was signed",
        ),
    ] {
        let examination = Examination {
            text: format!("{SOCKET}::user::{user_data}").into_bytes(),
            parts: Part::of_user(SOCKET, user_data),
            attempts: mistakes::of_user(&given, SOCKET, user_data),
            digest: &sign(SECRET, &text),
            given: &given,
            signed: None,
        };
        let (said, _) = told(&examination.explain("refused".to_owned(), None));
        assert!(said.contains(mistake), "{text}: {said}");
    }
    let body = r#"{"time_ms":1,"events":[]}"#;
    for (text, mistake) in [
        (
            format!("{body}\n"),
            "another body was signed: with a line break",
        ),
        (r#"{"time_ms": 1, "events": []}"#.to_owned(), "with spaces"),
        (String::new(), "an empty body was signed"),
    ] {
        let examination = Examination {
            text: body.as_bytes().to_vec(),
            parts: Vec::new(),
            attempts: mistakes::of_webhook(body.as_bytes()),
            digest: &sign(SECRET, &text),
            given: &given,
            signed: None,
        };
        let (said, _) = told(&examination.explain("refused".to_owned(), None));
        assert!(said.contains(mistake), "{text}: {said}");
    }
}
