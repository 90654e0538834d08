//! Which path is which route.

use http::Method;

use crate::error::ApiError;

/// What a path asks for, once its app is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Events,
    BatchEvents,
    Channels,
    Channel(String),
    Users(String),
}

/// A path taken apart: the app's id, still encoded, and the route.
pub(crate) fn parse<'a>(method: &Method, path: &'a str) -> Result<(&'a str, Route), ApiError> {
    let rest = path.strip_prefix("/apps/").ok_or(ApiError::UnknownPath)?;
    let (app, rest) = rest.split_once('/').ok_or(ApiError::UnknownPath)?;
    let segments: Vec<&str> = rest.split('/').collect();
    // What cannot be decoded is no channel name, which is for the route to say.
    let decode = |name: &'a str| match foghorn_auth::percent_decode(name) {
        Some(decoded) => decoded.into_owned(),
        None => name.to_owned(),
    };
    let route = match *segments {
        ["events"] => Route::Events,
        ["batch_events"] => Route::BatchEvents,
        ["channels"] => Route::Channels,
        ["channels", name] if !name.is_empty() => Route::Channel(decode(name)),
        ["channels", name, "users"] if !name.is_empty() => Route::Users(decode(name)),
        _ => return Err(ApiError::UnknownPath),
    };
    let allow = route.method();
    if *method != allow {
        return Err(ApiError::Method {
            allow: if allow == Method::POST { "POST" } else { "GET" },
        });
    }
    Ok((app, route))
}

impl Route {
    fn method(&self) -> Method {
        match self {
            Self::Events | Self::BatchEvents => Method::POST,
            Self::Channels | Self::Channel(_) | Self::Users(_) => Method::GET,
        }
    }

    /// The route's name in metrics.
    pub(crate) fn pattern(&self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::BatchEvents => "batch_events",
            Self::Channels => "channels",
            Self::Channel(_) => "channel",
            Self::Users(_) => "users",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods() {
        let get = |path| parse(&Method::GET, path);
        let post = |path| parse(&Method::POST, path);
        assert_eq!(post("/apps/4242/events"), Ok(("4242", Route::Events)));
        assert_eq!(
            post("/apps/4242/batch_events"),
            Ok(("4242", Route::BatchEvents))
        );
        assert_eq!(
            get("/apps/app-id/channels"),
            Ok(("app-id", Route::Channels))
        );
        assert_eq!(
            get("/apps/1/channels/presence-a%40b,c;d="),
            Ok(("1", Route::Channel("presence-a@b,c;d=".to_owned())))
        );
        assert_eq!(
            get("/apps/1/channels/x/users"),
            Ok(("1", Route::Users("x".to_owned())))
        );
        for unknown in [
            "/",
            "/apps",
            "/apps/",
            "/apps/1",
            "/apps/1/",
            "/apps/1/channels/",
            "/apps/1/channels/x/",
            "/apps/1/channels/x/users/",
            "/apps/1/channels//users",
            "/app/1/events",
            "/apps/1/nothing",
        ] {
            assert_eq!(get(unknown), Err(ApiError::UnknownPath), "{unknown}");
        }
        assert_eq!(
            get("/apps/1/events"),
            Err(ApiError::Method { allow: "POST" })
        );
        assert_eq!(
            post("/apps/1/channels"),
            Err(ApiError::Method { allow: "GET" })
        );
    }
}
