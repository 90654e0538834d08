//! The texts that people sign in place of the right one.

use foghorn_auth::percent_decode;

use super::examination::Attempt;
use super::rewriting::rewritings;
use crate::api::segment;
use crate::target::GivenCredential;

/// What a socket id is in programs that do not have it.
const NO_SOCKET_IDS: [&str; 4] = ["", "null", "undefined", "None"];

/// Prefixes that are part of a channel's name.
const PREFIXES: [&str; 3] = ["private-encrypted-", "private-", "presence-"];

fn attempt(mistake: impl Into<String>, text: impl Into<Vec<u8>>) -> Attempt {
    Attempt {
        mistakes: vec![mistake.into()],
        text: text.into(),
    }
}

/// For `SOCKET_ID:CHANNEL[:CHANNEL_DATA]`.
pub(super) fn of_channel(
    given: &GivenCredential,
    [socket_id, channel]: [&str; 2],
    data: Option<&str>,
) -> Vec<Attempt> {
    let key = given.credential.key.as_str();
    let tail = data.map(|data| format!(":{data}")).unwrap_or_default();
    let right = format!("{socket_id}:{channel}{tail}");
    let mut attempts = vec![
        attempt(
            "the signed text ends with a line break",
            format!("{right}\n"),
        ),
        attempt("the key was signed too", format!("{key}:{right}")),
        attempt(
            "channel and socket id were swapped",
            format!("{channel}:{socket_id}{tail}"),
        ),
        attempt(
            "the colon after the socket id is missing",
            format!("{socket_id}{channel}{tail}"),
        ),
        attempt(
            "a colon more was signed",
            format!("{socket_id}::{channel}{tail}"),
        ),
        attempt(
            "the channel was percent-encoded before it was signed",
            format!("{socket_id}:{}{tail}", form_encoded(channel)),
        ),
    ];
    for other in NO_SOCKET_IDS {
        attempts.push(no_socket_id(other, &format!(":{channel}{tail}")));
    }
    for socket_id in other_socket_ids(socket_id) {
        let text = format!("{socket_id}:{channel}{tail}");
        attempts.push(attempt("the socket id was signed in another form", text));
    }
    for bare in PREFIXES
        .iter()
        .filter_map(|prefix| channel.strip_prefix(prefix))
    {
        let text = format!("{socket_id}:{bare}{tail}");
        attempts.push(attempt("the channel was signed without its prefix", text));
    }
    match data {
        None => attempts.push(attempt(
            "an empty channel_data was signed, and none is sent",
            format!("{right}:"),
        )),
        Some(data) => {
            let without = format!("{socket_id}:{channel}");
            attempts.push(attempt("channel_data was not signed", without));
            let user = format!("{socket_id}::user::{data}");
            attempts.push(attempt("it was signed as a sign-in of a user", user));
            let glued = format!("{socket_id}:{channel}{data}");
            attempts.push(attempt("the colon before channel_data is missing", glued));
            let head = format!("{socket_id}:{channel}:");
            attempts.extend(of_data("channel_data", &head, data));
        }
    }
    attempts
}

/// For `SOCKET_ID::user::USER_DATA`.
pub(super) fn of_user(given: &GivenCredential, socket_id: &str, user_data: &str) -> Vec<Attempt> {
    let key = given.credential.key.as_str();
    let right = format!("{socket_id}::user::{user_data}");
    let mut attempts = vec![
        attempt(
            "the signed text ends with a line break",
            format!("{right}\n"),
        ),
        attempt("the key was signed too", format!("{key}:{right}")),
        attempt("::user:: was left out", format!("{socket_id}:{user_data}")),
        attempt(
            ":user: was signed, it must be ::user::",
            format!("{socket_id}:user:{user_data}"),
        ),
        attempt("user_data was not signed", format!("{socket_id}::user::")),
        attempt("only the socket id was signed", socket_id),
    ];
    for other in NO_SOCKET_IDS {
        attempts.push(no_socket_id(other, &format!("::user::{user_data}")));
    }
    for socket_id in other_socket_ids(socket_id) {
        let text = format!("{socket_id}::user::{user_data}");
        attempts.push(attempt("the socket id was signed in another form", text));
    }
    let value: Option<serde_json::Value> = serde_json::from_str(user_data).ok();
    if let Some(id) = value.as_ref().and_then(|value| value.get("id")?.as_str()) {
        let text = format!("{socket_id}::user::{id}");
        attempts.push(attempt(
            "the user's id was signed in place of user_data",
            text,
        ));
    }
    attempts.extend(of_data(
        "user_data",
        &format!("{socket_id}::user::"),
        user_data,
    ));
    attempts
}

/// For a webhook, whose body is all that is signed.
pub(super) fn of_webhook(body: &[u8]) -> Vec<Attempt> {
    let mut attempts: Vec<_> = rewritings(body)
        .into_iter()
        .map(|(how, text)| attempt(format!("another body was signed: {how}"), text))
        .collect();
    attempts.push(attempt("an empty body was signed: was it read before?", ""));
    attempts
}

/// For method, path and parameters: `right` is the right text, `query` the one that was sent.
pub(super) fn of_request(right: &str, query: &str) -> Vec<Attempt> {
    let mut lines = right.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, path, params) = (line(), line(), line());
    let mut attempts = Vec::new();
    for (of_method, method) in methods(method) {
        for (of_path, path) in paths(path) {
            for (of_params, params) in parameters(params, query) {
                for (of_lines, separator, end) in SEPARATORS {
                    let mistakes = [of_method, of_path, of_params, of_lines];
                    let mistakes = mistakes.into_iter().filter(|mistake| !mistake.is_empty());
                    let text = [&*method, separator, &path, separator, &params, end].concat();
                    attempts.push(Attempt {
                        mistakes: mistakes.map(str::to_owned).collect(),
                        text: text.into_bytes(),
                    });
                }
            }
        }
    }
    // The first one is the right text.
    attempts.retain(|attempt| !attempt.mistakes.is_empty());
    attempts
}

/// What stands between lines, and at the end.
const SEPARATORS: [(&str, &str, &str); 6] = [
    ("", "\n", ""),
    ("the signed text ends with a line break", "\n", "\n"),
    (
        "a backslash and an n were signed in place of line breaks",
        "\\n",
        "",
    ),
    (
        "lines were signed with \\r\\n; they end with \\n alone",
        "\r\n",
        "",
    ),
    ("spaces were signed in place of line breaks", " ", ""),
    ("no line breaks were signed", "", ""),
];

fn methods(method: &str) -> Vec<(&'static str, String)> {
    let mut methods = vec![
        ("", method.to_owned()),
        (
            "the method was signed in small letters",
            method.to_lowercase(),
        ),
    ];
    for other in ["GET", "POST"].into_iter().filter(|other| *other != method) {
        methods.push(("another method was signed", other.to_owned()));
    }
    methods
}

fn paths(path: &str) -> Vec<(&'static str, String)> {
    let mut paths = vec![("", path.to_owned())];
    let mut add = |mistake, other: Option<String>| {
        if let Some(other) = other.filter(|other| paths.iter().all(|(_, known)| known != other)) {
            paths.push((mistake, other));
        }
    };
    let from_apps = path.find("/apps/").and_then(|at| path.get(at..));
    add(
        "the path was signed without its prefix",
        from_apps.map(str::to_owned),
    );
    let tail = path
        .strip_prefix("/apps/")
        .and_then(|rest| rest.split_once('/'));
    add(
        "the path was signed without /apps/ID",
        tail.map(|(_, rest)| format!("/{rest}")),
    );
    add(
        "the path was signed without its first slash",
        path.strip_prefix('/').map(str::to_owned),
    );
    add(
        "the path was signed with a slash at its end",
        Some(format!("{path}/")),
    );
    let decoded = percent_decode(path).map(std::borrow::Cow::into_owned);
    add("the path was signed without percent-encoding", decoded);
    let encoded: Vec<_> = path.split('/').map(form_encoded).collect();
    add(
        "the path was signed with percent-encoding",
        Some(encoded.join("/")),
    );
    paths
}

/// The parameters as they should be signed, and as people sign them.
fn parameters(right: &str, query: &str) -> Vec<(&'static str, String)> {
    let without = |text: &str, start: &str| {
        let kept: Vec<_> = text
            .split('&')
            .filter(|pair| !pair.starts_with(start))
            .collect();
        kept.join("&")
    };
    let sent = without(query, "auth_signature=");
    let mut sorted: Vec<_> = sent.split('&').collect();
    sorted.sort_unstable();
    let mut ours: Vec<_> = right.split('&').collect();
    ours.retain(|pair| pair.starts_with("auth_") || pair.starts_with("body_md5="));
    let mut variants = vec![("", right.to_owned())];
    for (mistake, other) in [
        ("body_md5 was not signed", without(right, "body_md5=")),
        (
            "the parameters were signed in the order sent; they are sorted by name",
            sent.clone(),
        ),
        ("percent-encoded parameters were signed", sorted.join("&")),
        (
            "only the parameters of the signature were signed",
            ours.join("&"),
        ),
        (
            "a question mark was signed before the parameters",
            format!("?{right}"),
        ),
        ("no parameters were signed", String::new()),
    ] {
        if variants.iter().all(|(_, known)| *known != other) {
            variants.push((mistake, other));
        }
    }
    variants
}

fn of_data(name: &str, head: &str, data: &str) -> Vec<Attempt> {
    let rewritten = rewritings(data.as_bytes()).into_iter();
    let attempts = rewritten.map(|(how, text)| {
        let text = [head.as_bytes(), &text].concat();
        attempt(format!("another {name} was signed: {how}"), text)
    });
    attempts.collect()
}

fn no_socket_id(other: &str, tail: &str) -> Attempt {
    let mistake = if other.is_empty() {
        "the socket id was empty where it was signed".to_owned()
    } else {
        format!("the socket id was {other} where it was signed")
    };
    attempt(mistake, format!("{other}{tail}"))
}

/// The same digits, put differently: as a decimal number, which loses zeros, or with a comma.
fn other_socket_ids(socket_id: &str) -> Vec<String> {
    let Some((high, low)) = socket_id.split_once('.') else {
        return Vec::new();
    };
    let mut others = vec![
        format!("{high},{low}"),
        format!("{high}:{low}"),
        format!("{high}{low}"),
        format!("{high}.{}", low.trim_end_matches('0')),
        format!("{low}.{high}"),
        high.to_owned(),
    ];
    if let Ok(number) = socket_id.parse::<f64>() {
        others.push(number.to_string());
    }
    others.retain(|other| other != socket_id);
    others
}

/// As a form encoder writes what names are made of.
fn form_encoded(text: &str) -> String {
    segment(text)
        .replace('@', "%40")
        .replace('=', "%3D")
        .replace(',', "%2C")
        .replace(';', "%3B")
}
