//! What a request of a fallback transport asks for, read from its path (fallback-transports.md §2).

use foghorn_auth::percent_decode;
use foghorn_protocol::fallback::SessionName;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One response without end.
    Stream,
    /// A response with what there is to say, as soon as there is something.
    Poll,
    /// To say something.
    Send,
}

/// A request of a session.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The app key, decoded; `None` if it is no text.
    pub(super) key: Option<String>,
    pub(super) session: SessionName,
    pub(super) kind: Kind,
}

/// Whose a path is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Session(Route),
    /// One of the transports', but none that is spoken here; the text says why.
    Unspoken(&'static str),
    /// Somebody else's.
    Foreign,
}

/// Reads a path. What precedes `/app/KEY` is `mount` or nothing, since pusher-js cannot ask for
/// nothing but by a slash too many.
pub(super) fn read(path: &str, mount: &str) -> Found {
    // Most requests are none of these, and have no time to lose.
    if !path.contains("/app/") && !path.ends_with("/info") {
        return Found::Foreign;
    }
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let mount: Vec<&str> = mount
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let inside = segments.strip_prefix(&*mount);
    match inside.unwrap_or(&segments) {
        ["app", key, server, letters, verb] => session(key, &format!("{server}/{letters}"), verb),
        ["info"] if inside.is_some() && !mount.is_empty() => {
            Found::Unspoken("SockJS is not spoken here; xhr_streaming and xhr_polling are\n")
        }
        _ => Found::Foreign,
    }
}

fn session(key: &str, name: &str, verb: &str) -> Found {
    let kind = match verb {
        "xhr_streaming" => Kind::Stream,
        "xhr" => Kind::Poll,
        "xhr_send" => Kind::Send,
        _ => return Found::Unspoken("Not found; a session has xhr_streaming, xhr and xhr_send\n"),
    };
    match name.parse() {
        Ok(session) => Found::Session(Route {
            key: percent_decode(key).map(std::borrow::Cow::into_owned),
            session,
            kind,
        }),
        Err(_) => Found::Unspoken(
            "Not found; a session is a number below 1000 and eight of 0-9 and a-v\n",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn route(kind: Kind) -> Found {
        Found::Session(Route {
            key: Some("a key".to_owned()),
            session: "469/l1o1166u".parse().unwrap(),
            kind,
        })
    }

    #[test]
    fn paths_of_sessions() {
        for (path, mount, expect) in [
            (
                "/pusher/app/a%20key/469/l1o1166u/xhr_streaming",
                "/pusher",
                route(Kind::Stream),
            ),
            (
                "/pusher/app/a%20key/469/l1o1166u/xhr",
                "/pusher",
                route(Kind::Poll),
            ),
            (
                "/pusher/app/a%20key/469/l1o1166u/xhr_send",
                "/pusher",
                route(Kind::Send),
            ),
            (
                "//app/a%20key/469/l1o1166u/xhr",
                "/pusher",
                route(Kind::Poll),
            ),
            (
                "//pusher//app/a%20key//469/l1o1166u/xhr/",
                "/pusher",
                route(Kind::Poll),
            ),
            (
                "/a/b/app/a%20key/469/l1o1166u/xhr",
                "/a/b",
                route(Kind::Poll),
            ),
            ("/app/a%20key/469/l1o1166u/xhr", "", route(Kind::Poll)),
        ] {
            assert_eq!(read(path, mount), expect, "{path}");
        }
    }

    #[test]
    fn other_paths() {
        for path in [
            "/",
            "/pusher",
            "/app/key",
            "/apps/1/events",
            "/pusher/app/k/1/l1o1166u",
        ] {
            assert_eq!(read(path, "/pusher"), Found::Foreign, "{path}");
        }
        assert_eq!(read("/info", ""), Found::Foreign);
        for path in [
            "/pusher/info",
            "/pusher/app/k/1000/l1o1166u/xhr",
            "/pusher/app/k/1/L1o1166u/xhr",
            "/pusher/app/k/1/l1o1166u/eventsource",
        ] {
            assert!(
                matches!(read(path, "/pusher"), Found::Unspoken(_)),
                "{path}"
            );
        }
        let no_text = read("/app/%ff/1/l1o1166u/xhr", "/pusher");
        assert!(matches!(no_text, Found::Session(Route { key: None, .. })));
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "[/a-z%0-9.]{0,60}", mount in "(/[a-z]{0,3}){0,3}") {
            let _ = read(&path, &mount);
        }
    }
}
