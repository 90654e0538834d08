//! Origins: the sites whose pages may connect to an app, and whether a page is of one of them.
//!
//! Browsers name a page's origin in the `Origin` header (RFC 6454 §7); nobody else has to, and
//! anybody else can name any. So this keeps other people's pages away, not other people.

use std::fmt;

/// The origins that an app accepts: at least one pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(Vec<OriginPattern>);

/// A pattern of origins. ASCII case does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginPattern {
    /// `*`: every origin, also one that cannot be understood.
    Any,
    /// `null`: the origin of pages that have none, such as local files.
    Null,
    /// `https://a.example:8443`: one scheme, host and port. A port that is left out is the
    /// scheme's own.
    Exact(Origin),
    /// `a.example`: this host with any scheme and port.
    Host(String),
    /// `*.a.example`: every host below this one, at any depth, with any scheme and port.
    SubDomains(String),
}

/// A scheme, a host and a port, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    /// Absent if it is the scheme's own.
    port: Option<u16>,
}

/// A text that is no pattern of origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an origin: expected \"*\", \"null\", \"https://host\", \"https://host:port\", \"host\" \
     or \"*.host\", without a path"
)]
pub struct InvalidOriginPattern;

impl Origins {
    /// Every origin.
    #[must_use]
    pub fn any() -> Self {
        Self(vec![OriginPattern::Any])
    }

    /// Origins that match at least one of `patterns`; `None` if there is no pattern, which would
    /// lock every browser out.
    #[must_use]
    pub fn new(patterns: Vec<OriginPattern>) -> Option<Self> {
        (!patterns.is_empty()).then_some(Self(patterns))
    }

    /// The patterns, in the order in which they were given.
    #[must_use]
    pub fn patterns(&self) -> &[OriginPattern] {
        &self.0
    }

    /// Whether a page may connect whose `Origin` header has this value.
    #[must_use]
    pub fn allow(&self, header: &str) -> bool {
        let origin = Origin::parse(header);
        self.0.iter().any(|pattern| match (pattern, &origin) {
            (OriginPattern::Any, _) => true,
            (OriginPattern::Null, _) => header.eq_ignore_ascii_case("null"),
            (OriginPattern::Exact(exact), Some(origin)) => exact == origin,
            (OriginPattern::Host(host), Some(origin)) => *host == origin.host,
            (OriginPattern::SubDomains(parent), Some(origin)) => {
                let below = origin.host.strip_suffix(parent.as_str());
                below.is_some_and(|below| below.ends_with('.'))
            }
            (_, None) => false,
        })
    }
}

impl OriginPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// `text` is none. Names of hosts are expected as browsers send them, in Punycode.
    pub fn parse(text: &str) -> Result<Self, InvalidOriginPattern> {
        let host = |text: &str| {
            let host = text.to_ascii_lowercase();
            is_host(&host).then_some(host)
        };
        let pattern = match text {
            "*" => Some(Self::Any),
            _ if text.eq_ignore_ascii_case("null") => Some(Self::Null),
            _ if text.contains("://") => Origin::parse(text).map(Self::Exact),
            _ => match text.strip_prefix("*.") {
                Some(parent) => host(parent).map(Self::SubDomains),
                None => host(text).map(Self::Host),
            },
        };
        pattern.ok_or(InvalidOriginPattern)
    }
}

impl Origin {
    /// Reads `scheme://host` or `scheme://host:port`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (scheme, rest) = text.split_once("://")?;
        // An IPv6 address is in brackets and has colons of its own.
        let host_end = rest.find(']').map_or(0, |bracket| bracket + 1);
        let colon = rest.get(host_end..)?.find(':').map(|at| host_end + at);
        let (host, port) = match colon {
            None => (rest, None),
            Some(colon) => (rest.get(..colon)?, Some(port(rest.get(colon + 1..)?)?)),
        };
        (is_scheme(scheme) && is_host(host)).then(|| Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port: port.filter(|&port| Some(port) != own_port(scheme)),
        })
    }
}

fn own_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// Digits only: `u16` would parse a sign too.
fn port(text: &str) -> Option<u16> {
    text.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    text.parse().ok()
}

fn is_scheme(text: &str) -> bool {
    let valid = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(valid)
}

/// Whether `text` is a name of labels between dots, or an IPv6 address in brackets.
fn is_host(text: &str) -> bool {
    let in_brackets = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match in_brackets {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => text.split('.').all(|label| {
            let valid = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
            !label.is_empty() && label.bytes().all(valid)
        }),
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Null => f.write_str("null"),
            Self::Exact(origin) => origin.fmt(f),
            Self::Host(host) => f.write_str(host),
            Self::SubDomains(parent) => write!(f, "*.{parent}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origins(patterns: &str) -> Origins {
        let patterns = patterns.split(' ').map(OriginPattern::parse);
        Origins::new(patterns.collect::<Result<_, _>>().unwrap()).unwrap()
    }

    /// Patterns, headers that they allow, and headers that they do not.
    type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

    const CASES: &[Case<'_>] = &[
        (
            "*",
            &["https://a.example", "null", "", "https://a, http://b", "ä"],
            &[],
        ),
        (
            "https://a.example",
            &[
                "https://a.example",
                "HTTPS://A.Example",
                "https://a.example:443",
            ],
            &[
                "http://a.example",
                "https://a.example:8443",
                "https://b.a.example",
                "https://a.example.evil.example",
                "https://a.example/",
                "https://a.example:",
                "https://a.example:+443",
                "https://a.example@evil.example",
                "a.example",
                "null",
                "",
            ],
        ),
        (
            "https://a.example:443",
            &["https://a.example", "https://a.example:443"],
            &["https://a.example:80"],
        ),
        (
            "http://a.example:8080",
            &["http://a.example:8080"],
            &[
                "http://a.example",
                "http://a.example:80",
                "https://a.example:8080",
            ],
        ),
        (
            "http://a.example",
            &["http://a.example:80"],
            &["http://a.example:443"],
        ),
        (
            "a.example",
            &[
                "https://a.example",
                "http://a.example:8080",
                "capacitor://A.EXAMPLE",
            ],
            &[
                "https://b.a.example",
                "https://xa.example",
                "https://a.example.",
                "a.example",
            ],
        ),
        (
            "*.a.example",
            &[
                "https://b.a.example",
                "http://c.b.a.example:1",
                "https://B.A.Example",
            ],
            &[
                "https://a.example",
                "https://ba.example",
                "https://.a.example",
                "https://b.example",
            ],
        ),
        (
            "null",
            &["null"],
            &["https://null", "https://a.example", ""],
        ),
        (
            "null a.example",
            &["null", "https://a.example"],
            &["https://b.example"],
        ),
        (
            "http://[::1]:3000 [::2]",
            &["http://[::1]:3000", "https://[::2]", "https://[::2]:1"],
            &["http://[::1]", "http://[::1]x:3000", "http://::2"],
        ),
    ];

    #[test]
    fn patterns_allow_what_they_say() {
        for (patterns, allowed, refused) in CASES {
            for header in *allowed {
                assert!(origins(patterns).allow(header), "{patterns} for {header:?}");
            }
            for header in *refused {
                assert!(
                    !origins(patterns).allow(header),
                    "{patterns} for {header:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            " ",
            "**",
            "*.",
            "*a.example",
            "a.*",
            ".a.example",
            "a.example.",
            "a.example:8080",
            "a.example/path",
            "https://",
            "https://a.example/",
            "https://*.a.example",
            "https://a.example:port",
            "https://a.example:65536",
            "://a.example",
            "a b.example",
            "bücher.example",
            "[::g]",
        ] {
            assert_eq!(
                OriginPattern::parse(text),
                Err(InvalidOriginPattern),
                "{text}"
            );
        }
        assert_eq!(Origins::new(Vec::new()), None);
    }

    #[test]
    fn a_pattern_is_written_as_it_was_read() {
        for text in [
            "*",
            "null",
            "https://a.example",
            "http://a.example:8080",
            "a.example",
            "*.a.example",
            "http://[::1]:3000",
        ] {
            let pattern = OriginPattern::parse(&text.to_ascii_uppercase()).unwrap();
            assert_eq!(pattern.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn a_page_of_the_origin_itself_is_allowed(
            scheme in "[a-z][a-z0-9+.-]{0,5}",
            host in "[a-z0-9-]{1,5}(\\.[a-z0-9-]{1,5}){0,3}",
            port in proptest::option::of(any::<u16>()),
        ) {
            let port = port.map_or_else(String::new, |port| format!(":{port}"));
            let header = format!("{scheme}://{host}{port}");
            prop_assert!(origins(&header).allow(&header));
            prop_assert!(origins(&host).allow(&header));
            let below = format!("{scheme}://x.{host}{port}");
            let pattern = format!("*.{host}");
            prop_assert!(origins(&pattern).allow(&below) && !origins(&pattern).allow(&header));
        }

        #[test]
        fn any_header_gets_an_answer(header: String) {
            let _ = origins("https://a.example a.example *.a.example null").allow(&header);
            let _ = OriginPattern::parse(&header);
        }
    }
}
