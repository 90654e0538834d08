//! Which app a request is about, before anything else of it is looked at.

use foghorn_auth::{Query, percent_decode};

use super::Name;

/// The app that a request names: by its key in the paths of clients, by its id in those of back
/// ends, and by the key that signed it where the path has neither. `path` is without what precedes
/// every path of the server.
pub(crate) fn asked_for(path: &str, query: &str) -> Option<Name> {
    let decoded = |segment: &str| Some(percent_decode(segment)?.into_owned());
    if let Some(rest) = path.strip_prefix("/apps/") {
        return Some(Name::Id(decoded(rest.split('/').next()?)?));
    }
    if path.starts_with("/users/") {
        let key = Query::parse(query).get("auth_key")?.to_owned();
        return Some(Name::Key(key));
    }
    // The fallback transports' paths have more before and behind it.
    let (_, rest) = path.split_once("/app/")?;
    Some(Name::Key(decoded(rest.split('/').next()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_apps() {
        let key = |key: &str| Some(Name::Key(key.to_owned()));
        let id = |id: &str| Some(Name::Id(id.to_owned()));
        for (path, query, expect) in [
            ("/app/k1", "protocol=7", key("k1")),
            ("/app/k%31", "", key("k1")),
            ("/pusher/app/k1/469/l1o1166u/xhr", "", key("k1")),
            ("/apps/42/events", "auth_key=k1", id("42")),
            ("/apps/a%20b/channels/x", "", id("a b")),
            (
                "/users/u/terminate_connections",
                "auth_key=k1&x=y",
                key("k1"),
            ),
            ("/users/u/terminate_connections", "", None),
            ("/", "", None),
            ("/ready", "", None),
            ("/app", "", None),
            ("/app/%ff", "", None),
        ] {
            assert_eq!(asked_for(path, query), expect, "{path}");
        }
    }
}
