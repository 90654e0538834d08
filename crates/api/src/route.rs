//! Which path is which route.

use crate::error::ApiError;

/// What a path asks for, once its app is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Events,
    BatchEvents,
    Channels,
    Channel(String),
    Users(String),
    Terminate(String),
    /// How much the app has used of its quotas.
    Usage,
    /// Deprecated: an event for one channel, whose body is the data.
    ChannelEvents(String),
    /// Deprecated: how many are on a channel.
    Stats(String),
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'a> {
    /// The app with this id, still encoded.
    Id(&'a str),
    /// The app of the key that signed. The Python SDK ends a user's connections on a path that
    /// names no app.
    Key,
}

/// A path taken apart.
pub(crate) fn parse<'a>(method: &str, path: &'a str) -> Result<(Owner<'a>, Route), ApiError> {
    let (owner, rest) = match path.strip_prefix("/apps/") {
        Some(rest) => {
            let (app, rest) = rest.split_once('/').ok_or(ApiError::UnknownPath)?;
            (Owner::Id(app), rest)
        }
        None => (Owner::Key, path.strip_prefix('/').unwrap_or(path)),
    };
    let mut segments = rest.split('/');
    // No path has more than three; the fourth tells that there is one too many.
    let segments: [_; 4] = std::array::from_fn(|_| segments.next());
    // What cannot be decoded is no name, which is for the route to say.
    let decode = |name: &'a str| match foghorn_auth::percent_decode(name) {
        Some(decoded) => decoded.into_owned(),
        None => name.to_owned(),
    };
    let route = match (owner, segments) {
        (_, [Some("users"), Some(id), Some("terminate_connections"), None]) if !id.is_empty() => {
            Route::Terminate(decode(id))
        }
        (Owner::Key, _) => return Err(ApiError::UnknownPath),
        (_, [Some("events"), None, ..]) => Route::Events,
        (_, [Some("batch_events"), None, ..]) => Route::BatchEvents,
        (_, [Some("usage"), None, ..]) => Route::Usage,
        (_, [Some("channels"), None, ..]) => Route::Channels,
        (_, [Some("channels"), Some(name), what, None]) if !name.is_empty() => match what {
            None => Route::Channel(decode(name)),
            Some("users") => Route::Users(decode(name)),
            Some("events") => Route::ChannelEvents(decode(name)),
            Some("stats") => Route::Stats(decode(name)),
            Some(_) => return Err(ApiError::UnknownPath),
        },
        _ => return Err(ApiError::UnknownPath),
    };
    let allow = route.method();
    if method != allow {
        return Err(ApiError::Method { allow });
    }
    Ok((owner, route))
}

impl Route {
    /// The one method that it takes.
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Self::Events | Self::BatchEvents | Self::ChannelEvents(_) | Self::Terminate(_) => {
                "POST"
            }
            Self::Channels | Self::Channel(_) | Self::Users(_) | Self::Stats(_) | Self::Usage => {
                "GET"
            }
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
            Self::Terminate(_) => "terminate_connections",
            Self::Usage => "usage",
            Self::ChannelEvents(_) => "channel_events",
            Self::Stats(_) => "channel_stats",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods() {
        let get = |path| parse("GET", path);
        let post = |path| parse("POST", path);
        assert_eq!(
            post("/apps/4242/events"),
            Ok((Owner::Id("4242"), Route::Events))
        );
        assert_eq!(
            post("/apps/4242/batch_events"),
            Ok((Owner::Id("4242"), Route::BatchEvents))
        );
        assert_eq!(
            get("/apps/app-id/channels"),
            Ok((Owner::Id("app-id"), Route::Channels))
        );
        assert_eq!(
            get("/apps/1/channels/presence-a%40b,c;d="),
            Ok((
                Owner::Id("1"),
                Route::Channel("presence-a@b,c;d=".to_owned())
            ))
        );
        assert_eq!(
            get("/apps/1/channels/x/users"),
            Ok((Owner::Id("1"), Route::Users("x".to_owned())))
        );
        assert_eq!(get("/apps/1/usage"), Ok((Owner::Id("1"), Route::Usage)));
        for unknown in [
            "/",
            "/usage",
            "/apps/1/usage/",
            "/apps/1/usage/messages",
            "/users",
            "/users//terminate_connections",
            "/users/u/terminate_connections/",
            "/events",
            "/channels",
            "/apps/1/channels/x/nothing",
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
        assert_eq!(
            post("/apps/1/usage"),
            Err(ApiError::Method { allow: "GET" })
        );
    }

    #[test]
    fn users_and_old_paths() {
        let get = |path| parse("GET", path);
        let post = |path| parse("POST", path);
        let terminate = Route::Terminate("u@17".to_owned());
        assert_eq!(
            post("/apps/1/users/u%4017/terminate_connections"),
            Ok((Owner::Id("1"), terminate.clone()))
        );
        assert_eq!(
            post("/users/u@17/terminate_connections"),
            Ok((Owner::Key, terminate))
        );
        assert_eq!(
            post("/apps/1/channels/x/events"),
            Ok((Owner::Id("1"), Route::ChannelEvents("x".to_owned())))
        );
        assert_eq!(
            get("/apps/1/channels/x/stats"),
            Ok((Owner::Id("1"), Route::Stats("x".to_owned())))
        );
    }
}
