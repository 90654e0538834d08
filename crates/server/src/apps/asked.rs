//! Which app a request is about, before anything else of it is looked at.

use std::borrow::Cow;

use foghorn_auth::{Query, percent_decode};
use foghorn_config::is_app_name;

use super::Name;

/// The app that a request names: by its key in the paths of clients, by its id in those of back
/// ends, and by the key that signed it where the path has neither. `path` is without what precedes
/// every path of the server. `None` also for what no app can be called.
pub(crate) fn asked_for<'a>(path: &'a str, query: &'a str) -> Option<Name<'a>> {
    if let Some(rest) = path.strip_prefix("/apps/") {
        return Some(Name::Id(decoded(rest)?));
    }
    if path.starts_with("/users/") {
        let key = Query::parse(query).get("auth_key")?.to_owned();
        return is_app_name(&key).then_some(Name::Key(Cow::Owned(key)));
    }
    // The fallback transports' paths have more before and behind it.
    let (_, rest) = path.split_once("/app/")?;
    Some(Name::Key(decoded(rest)?))
}

fn decoded(rest: &str) -> Option<Cow<'_, str>> {
    percent_decode(rest.split('/').next()?).filter(|name| is_app_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_apps() {
        let key = |key: &'static str| Some(Name::Key(key.into()));
        let id = |id: &'static str| Some(Name::Id(id.into()));
        for (path, query, expect) in [
            ("/app/k1", "protocol=7", key("k1")),
            ("/app/k%31", "", key("k1")),
            ("/pusher/app/k1/469/l1o1166u/xhr", "", key("k1")),
            ("/apps/42/events", "auth_key=k1", id("42")),
            ("/apps/%C3%A4/channels/x", "", id("ä")),
            (
                "/users/u/terminate_connections",
                "auth_key=k1&x=y",
                key("k1"),
            ),
            ("/users/u/terminate_connections", "", None),
            ("/", "", None),
            ("/ready", "", None),
            ("/app", "", None),
            // What no app can be called is not looked for.
            ("/app/%ff", "", None),
            ("/app/a%00b", "", None),
            ("/apps/a%20b/channels/x", "", None),
            ("/apps//channels", "", None),
        ] {
            assert_eq!(asked_for(path, query), expect, "{path}");
        }
        let long = |length| format!("/app/{}", "k".repeat(length));
        assert!(asked_for(&long(255), "").is_some());
        assert_eq!(asked_for(&long(256), ""), None);
    }
}
