//! Where a server is.

use std::fmt;

use foghorn_auth::percent_decode;
use http::Uri;

/// Scheme, host, port and path prefix of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Whether TLS is spoken there.
    pub security: Security,
    /// Without the brackets of an IPv6 address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Empty, or a path without a slash at its end.
    pub prefix: String,
}

/// Whether TLS is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// It is not.
    Plain,
    /// It is.
    Tls,
}

/// What a URL says of an app besides its address: `https://KEY:SECRET@HOST/apps/APP_ID`.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct AppOfUrl {
    pub(crate) id: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) secret: Option<String>,
}

/// The two addresses of a server that has one for its API and one for WebSocket clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Of its HTTP API.
    pub api: Address,
    /// Of its WebSocket clients.
    pub websocket: Address,
}

impl Addresses {
    /// Hosted Pusher's in one of its clusters, such as `eu`.
    pub(crate) fn of_cluster(cluster: &str) -> Self {
        let at = |name: &str| Address {
            security: Security::Tls,
            host: format!("{name}-{cluster}.pusher.com"),
            port: 443,
            prefix: String::new(),
        };
        Self {
            api: at("api"),
            websocket: at("ws"),
        }
    }

    /// One listener for both, except that hosted Pusher's API implies its WebSocket host.
    fn of_api(api: Address) -> Self {
        let hosted = ["pusher.com", "pusherapp.com"]
            .into_iter()
            .find_map(|zone| {
                let name = api.host.strip_suffix(zone)?.strip_suffix('.')?;
                let cluster = name.strip_prefix("api")?;
                // The first cluster, without a name, has its WebSockets in the older zone.
                let zone = if cluster.is_empty() {
                    "pusherapp.com"
                } else {
                    zone
                };
                Some(format!("ws{cluster}.{zone}"))
            });
        let mut websocket = api.clone();
        if let Some(host) = hosted {
            websocket.host = host;
        }
        Self { api, websocket }
    }

    /// Reads `http[s]://[KEY:SECRET@]HOST[:PORT][/PREFIX][/apps/APP_ID]`.
    pub(crate) fn parse(url: &str) -> Result<(Self, AppOfUrl), InvalidUrl> {
        let uri: Uri = url.parse().map_err(|_| InvalidUrl::Form)?;
        let security = match uri.scheme_str() {
            Some("http" | "ws") => Security::Plain,
            Some("https" | "wss") => Security::Tls,
            _ => return Err(InvalidUrl::Scheme),
        };
        if uri.query().is_some() {
            return Err(InvalidUrl::Query);
        }
        let authority = uri.authority().ok_or(InvalidUrl::Form)?;
        let host = authority.host().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(InvalidUrl::Form);
        }
        let (prefix, id) = match uri.path().rsplit_once("/apps/") {
            Some((prefix, id)) => (prefix, Some(id.trim_end_matches('/'))),
            None => (uri.path(), None),
        };
        if id.is_some_and(|id| id.is_empty() || id.contains('/')) {
            return Err(InvalidUrl::AppPath);
        }
        let user = authority.as_str().rsplit_once('@').map(|(user, _)| user);
        let api = Address {
            security,
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(security.port()),
            prefix: prefix.trim_end_matches('/').to_owned(),
        };
        Ok((Self::of_api(api), app_of(user, id)))
    }
}

fn app_of(user: Option<&str>, id: Option<&str>) -> AppOfUrl {
    let decoded = |text: &str| {
        let decoded = percent_decode(text).unwrap_or(text.into());
        (!decoded.is_empty()).then(|| decoded.into_owned())
    };
    let (key, secret) = match user.map(|user| user.split_once(':').unwrap_or((user, ""))) {
        Some((key, secret)) => (decoded(key), decoded(secret)),
        None => (None, None),
    };
    AppOfUrl {
        id: id.and_then(decoded),
        key,
        secret,
    }
}

/// Why a text is not the address of a server. It may hold a secret, so no error repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidUrl {
    /// It cannot be read.
    #[error("is not a URL such as http://127.0.0.1:6001")]
    Form,
    /// It is of something else.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// It has a question mark.
    #[error("must not have a query")]
    Query,
    /// What follows `/apps/` is not one app id.
    #[error("must end after /apps/APP_ID")]
    AppPath,
}

impl Security {
    fn port(self) -> u16 {
        match self {
            Self::Plain => 80,
            Self::Tls => 443,
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls => "https",
        }
    }
}

impl Address {
    /// Host and port as a `Host` header has them.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.security.port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// Whether it is this computer.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let ip = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.security.scheme();
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> (String, String) {
        let (addresses, _) = Addresses::parse(url).unwrap();
        (addresses.api.to_string(), addresses.websocket.to_string())
    }

    #[test]
    fn one_listener_serves_both_unless_it_is_hosted_pusher() {
        for (url, api, websocket) in [
            (
                "http://127.0.0.1:6001",
                "http://127.0.0.1:6001",
                "http://127.0.0.1:6001",
            ),
            ("https://x.org/ws/", "https://x.org/ws", "https://x.org/ws"),
            (
                "http://[::1]:6001",
                "http://[::1]:6001",
                "http://[::1]:6001",
            ),
            (
                "http://x.org:80/a/apps/7",
                "http://x.org/a",
                "http://x.org/a",
            ),
            (
                "https://k:s@api-eu.pusher.com/apps/7",
                "https://api-eu.pusher.com",
                "https://ws-eu.pusher.com",
            ),
            (
                "http://k:s@api.pusherapp.com/apps/7",
                "http://api.pusherapp.com",
                "http://ws.pusherapp.com",
            ),
            (
                "http://apidocs.example.com",
                "http://apidocs.example.com",
                "http://apidocs.example.com",
            ),
        ] {
            assert_eq!(shown(url), (api.to_owned(), websocket.to_owned()), "{url}");
        }
        let eu = Addresses::of_cluster("eu");
        assert_eq!(eu.api.to_string(), "https://api-eu.pusher.com");
        assert_eq!(eu.websocket.to_string(), "https://ws-eu.pusher.com");
    }

    #[test]
    fn a_url_may_name_the_app() {
        let table = [
            ("http://h", [None, None, None]),
            ("http://key@h/apps/7", [Some("7"), Some("key"), None]),
            (
                "https://key:s%40t@h:1/p/apps/a%2D7/",
                [Some("a-7"), Some("key"), Some("s@t")],
            ),
        ];
        for (url, [id, key, secret]) in table {
            let (_, app) = Addresses::parse(url).unwrap();
            let found = [&app.id, &app.key, &app.secret].map(|part| part.as_deref());
            assert_eq!(found, [id, key, secret], "{url}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for (url, expect) in [
            ("", InvalidUrl::Form),
            ("localhost:6001", InvalidUrl::Scheme),
            ("127.0.0.1", InvalidUrl::Scheme),
            ("ftp://h", InvalidUrl::Scheme),
            ("http://h?x=1", InvalidUrl::Query),
            ("http://h/apps/7/events", InvalidUrl::AppPath),
            ("http://h/apps/", InvalidUrl::AppPath),
            ("http://:1", InvalidUrl::Form),
        ] {
            assert_eq!(Addresses::parse(url).err(), Some(expect), "{url}");
        }
    }

    #[test]
    fn loopback_is_recognised() {
        for (url, expect) in [
            ("http://localhost", true),
            ("http://127.0.0.2", true),
            ("http://[::1]", true),
            ("http://example.org", false),
        ] {
            let (addresses, _) = Addresses::parse(url).unwrap();
            assert_eq!(addresses.api.is_loopback(), expect, "{url}");
        }
    }
}
