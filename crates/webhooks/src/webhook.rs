//! One configured webhook: what it wants, and where it is sent.

use std::sync::Arc;

use foghorn_protocol::ChannelName;
use http::uri::Authority;
use http::{HeaderName, HeaderValue, Uri};
use regex::{Regex, RegexBuilder};

use crate::event::Kinds;
use crate::spec::{FilterSpec, Invalid, Spec};
use crate::{Event, Kind, Target};

/// Headers that say who signed what, or how the request is framed.
const RESERVED: [&str; 8] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "x-pusher-key",
    "x-pusher-signature",
    "x-webhook-attempt",
];
/// Memory for one compiled pattern, bytes. Apps of several tenants may be on one node.
const PATTERN_MEMORY: usize = 1 << 20;

/// A webhook that is right in itself. Equal if they were written alike.
#[derive(Clone, Debug)]
pub struct Webhook {
    spec: Arc<Spec>,
    target: Arc<Target>,
    kinds: Kinds,
    pattern: Option<Regex>,
}

impl Webhook {
    /// Checks what an operator wrote.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn new(spec: Spec) -> Result<Self, Vec<Invalid>> {
        let mut check = Check::default();
        check.unknown(&spec);
        let is_lambda = spec.unknown.keys().any(|key| is_lambda(key));
        if !(spec.url.is_empty() && is_lambda)
            && let Err(problem) = check_url(&spec.url)
        {
            check.fail("url".to_owned(), problem);
        }
        let kinds = check.kinds(spec.event_types.as_deref());
        let pattern = check.pattern(spec.filter.as_ref());
        let headers = check.headers(&spec);
        if !check.invalid.is_empty() {
            return Err(check.invalid);
        }
        let target = Target {
            url: spec.url.clone(),
            headers,
        };
        Ok(Self {
            spec: Arc::new(spec),
            target: Arc::new(target),
            kinds,
            pattern,
        })
    }

    /// Whether it is to be told of `event`.
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        self.wants_kind(event.kind()) && self.wants_channel(event.channel())
    }

    /// Whether it is told of such events, on some channels.
    #[must_use]
    pub fn wants_kind(&self, kind: Kind) -> bool {
        self.kinds.contains(kind)
    }

    /// Whether it is told of this channel, in some events.
    #[must_use]
    pub fn wants_channel(&self, channel: &ChannelName) -> bool {
        let Some(filter) = &self.spec.filter else {
            return true;
        };
        let (name, start, end) = (
            channel.as_str(),
            filter.channel_name_starts_with.as_deref(),
            filter.channel_name_ends_with.as_deref(),
        );
        start.is_none_or(|start| name.starts_with(start))
            && end.is_none_or(|end| name.ends_with(end))
            && self.pattern.as_ref().is_none_or(|p| p.is_match(name))
    }

    /// Where it is sent.
    #[must_use]
    pub fn target(&self) -> &Arc<Target> {
        &self.target
    }

    /// What it was made of.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }
}

impl PartialEq for Webhook {
    fn eq(&self, other: &Self) -> bool {
        self.spec == other.spec
    }
}

impl Eq for Webhook {}

/// Collects what is wrong.
#[derive(Default)]
struct Check {
    invalid: Vec<Invalid>,
}

impl Check {
    fn fail(&mut self, field: String, problem: impl Into<String>) {
        let problem = problem.into();
        self.invalid.push(Invalid { field, problem });
    }

    fn unknown(&mut self, spec: &Spec) {
        for key in spec.unknown.keys() {
            let problem = if is_lambda(key) {
                "AWS Lambda functions cannot be called; give the `url` of an HTTP endpoint"
            } else {
                "is unknown; there are url, event_types, filter and headers"
            };
            self.fail(key.clone(), problem);
        }
        let within = spec.filter.iter().flat_map(|filter| filter.unknown.keys());
        for key in within {
            let problem = "is unknown; there are channel_name_starts_with, \
                           channel_name_ends_with and channel_pattern";
            self.fail(format!("filter.{key}"), problem);
        }
    }

    fn kinds(&mut self, names: Option<&[String]>) -> Kinds {
        let Some(names) = names else {
            return Kind::ALL.into_iter().collect();
        };
        if names.is_empty() {
            let problem = "names no event; leave it out for all events";
            self.fail("event_types".to_owned(), problem);
        }
        let mut kinds = Vec::new();
        for (index, name) in names.iter().enumerate() {
            match Kind::parse(name) {
                Some(kind) => kinds.push(kind),
                None => {
                    let known = Kind::ALL.map(Kind::name).join(", ");
                    let problem = format!("unknown event {name:?}; there are {known}");
                    self.fail(format!("event_types[{index}]"), problem);
                }
            }
        }
        kinds.into_iter().collect()
    }

    fn pattern(&mut self, filter: Option<&FilterSpec>) -> Option<Regex> {
        let pattern = filter?.channel_pattern.as_deref()?;
        let mut builder = RegexBuilder::new(pattern);
        match builder.size_limit(PATTERN_MEMORY).build() {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                // The lines before the last one draw the place, which one line cannot show.
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                let problem = format!("is no regular expression that can be used: {reason}");
                self.fail("filter.channel_pattern".to_owned(), problem);
                None
            }
        }
    }

    fn headers(&mut self, spec: &Spec) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in spec.headers.iter().flatten() {
            let lower = name.to_ascii_lowercase();
            let problem = if HeaderName::from_bytes(name.as_bytes()).is_err() {
                "is no name of a header"
            } else if RESERVED.contains(&lower.as_str()) {
                "is set by the server and cannot be another"
            } else if headers.iter().any(|(other, _)| *other == lower) {
                "is there twice; upper and lower case make no difference"
            } else if HeaderValue::from_str(value).is_err() {
                "has a value with characters other than visible ASCII, space and tab"
            } else {
                headers.push((lower, value.clone()));
                continue;
            };
            self.fail(format!("headers.{name}"), problem);
        }
        headers
    }
}

/// soketi has `lambda_function` and `lambda`.
fn is_lambda(key: &str) -> bool {
    key.starts_with("lambda")
}

fn check_url(url: &str) -> Result<(), &'static str> {
    if url.is_empty() {
        return Err("is missing; give an http or https URL");
    }
    // Else the parser would leave it out without a word.
    if url.contains('#') {
        return Err("must have no fragment (#)");
    }
    let uri: Uri = url
        .parse()
        .map_err(|_| "is no URL; anything but ASCII has to be percent-encoded")?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("must be absolute and begin with http:// or https://");
    }
    match uri.authority() {
        Some(authority) => check_authority(authority),
        None => Err("has no host"),
    }
}

fn check_authority(authority: &Authority) -> Result<(), &'static str> {
    let (text, host) = (authority.as_str(), authority.host());
    if text.contains('@') {
        return Err("must have no user and password; put credentials into `headers`");
    }
    if host.is_empty() || host == "[]" {
        return Err("has no host");
    }
    let port = text.strip_prefix(host).unwrap_or_default();
    let is_valid = port.is_empty() || authority.port_u16().is_some_and(|port| port > 0);
    if is_valid {
        Ok(())
    } else {
        Err("has a port that is none; ports are numbers from 1 to 65535")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn made(spec: Value) -> Result<Webhook, Vec<Invalid>> {
        Webhook::new(serde_json::from_value(spec).unwrap())
    }

    #[track_caller]
    fn check_refused(spec: Value, expect: &[(&str, &str)]) {
        let invalid = made(spec).unwrap_err();
        let found: Vec<_> = invalid
            .iter()
            .map(|Invalid { field, problem }| (field.as_str(), problem.as_str()))
            .collect();
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for ((field, problem), (expect_field, part)) in found.iter().zip(expect) {
            assert_eq!(field, expect_field);
            assert!(problem.contains(part), "{problem:?} has no {part:?}");
        }
    }

    fn channel(name: &str) -> ChannelName {
        ChannelName::parse(name, 200).unwrap()
    }

    #[test]
    fn soketis_form_is_read() {
        let webhook = made(json!({
            "url": "https://app.example/hooks",
            "event_types": ["channel_occupied", "member_added"],
            "filter": {
                "channel_name_starts_with": "private-",
                "channel_name_ends_with": "-room",
                "channel_pattern": "^private-[a-z]+-",
            },
            "headers": {"X-Env": "prod"},
        }))
        .unwrap();
        assert_eq!(webhook.target().url, "https://app.example/hooks");
        assert_eq!(
            webhook.target().headers,
            [("x-env".to_owned(), "prod".to_owned())]
        );
        for (name, wanted) in [
            ("private-red-room", true),
            ("private-red", false),
            ("red-room", false),
            ("private-7-room", false),
        ] {
            let channel = channel(name);
            assert_eq!(webhook.wants_channel(&channel), wanted, "{name}");
            let occupied = Event::ChannelOccupied {
                channel: channel.clone(),
            };
            assert_eq!(webhook.wants(&occupied), wanted, "{name}");
            assert!(!webhook.wants(&Event::ChannelVacated { channel }), "{name}");
        }
    }

    #[test]
    fn what_is_missing_is_all() {
        for spec in [
            json!({"url": "http://[::1]:8080"}),
            json!({"url": "HTTP://a", "event_types": null, "filter": null, "headers": null}),
            json!({"url": "http://a/b?c=d", "filter": {}, "headers": {}}),
        ] {
            let webhook = made(spec).unwrap();
            assert!(Kind::ALL.into_iter().all(|kind| webhook.wants_kind(kind)));
            assert!(webhook.wants_channel(&channel("news")));
            assert!(webhook.target().headers.is_empty());
        }
    }

    #[test]
    fn a_url_is_absolute_and_has_no_secrets_and_no_fragment() {
        for (url, part) in [
            ("", "missing"),
            ("/hooks", "begin with http"),
            ("app.example", "begin with http"),
            ("ftp://app.example/", "begin with http"),
            ("http://", "no URL"),
            ("http:///hooks", "no URL"),
            ("http://:80/", "no host"),
            ("http://[]/", "no host"),
            ("http://me:secret@app.example/", "no user"),
            ("http://app.example/#top", "fragment"),
            ("http://app.example:0/", "port"),
            ("http://app.example:/", "port"),
            ("http://app.example:65536/", "port"),
            ("http://app.example:http/", "port"),
            ("http://app.example/a b", "no URL"),
            ("http://äpp.example/", "no URL"),
        ] {
            let invalid = made(json!({ "url": url })).unwrap_err();
            assert_eq!(invalid.len(), 1, "{url:?}: {invalid:?}");
            assert_eq!(invalid[0].field, "url");
            assert!(invalid[0].problem.contains(part), "{url:?}: {invalid:?}");
        }
    }

    #[test]
    fn all_problems_are_named() {
        check_refused(
            json!({
                "url": "app.example",
                "event_types": ["member_added", "member_joined", "Cache_miss"],
                "filter": {"channel_pattern": "(", "namespace": "a"},
                "headers": {
                    "X-Pusher-Key": "k", "content-TYPE": "text/plain", "a b": "c",
                    "X-Twice": "1", "x-twice": "2", "X-Line": "secret\r\nHost: other",
                },
                "retries": 3,
            }),
            &[
                ("retries", "unknown"),
                ("filter.namespace", "unknown"),
                ("url", "absolute"),
                (
                    "event_types[1]",
                    "\"member_joined\"; there are channel_occupied,",
                ),
                ("event_types[2]", "unknown event"),
                ("filter.channel_pattern", "can be used: unclosed group"),
                ("headers.X-Line", "visible ASCII"),
                ("headers.X-Pusher-Key", "set by the server"),
                ("headers.a b", "no name"),
                ("headers.content-TYPE", "set by the server"),
                ("headers.x-twice", "twice"),
            ],
        );
        check_refused(
            json!({"url": "http://a", "event_types": []}),
            &[("event_types", "names no event")],
        );
        check_refused(
            json!({"url": "http://a", "filter": {"channel_pattern": "(a{1000}){1000}"}}),
            &[("filter.channel_pattern", "size limit")],
        );
    }

    #[test]
    fn lambda_functions_are_refused_by_name() {
        check_refused(
            json!({"lambda_function": "f", "lambda": {"region": "eu-west-1"}}),
            &[("lambda", "AWS Lambda"), ("lambda_function", "`url`")],
        );
    }

    #[test]
    fn values_of_headers_are_not_shown() {
        let spec = json!({"url": "http://a", "headers": {"Authorization": "Bearer s3cr3t"}});
        let webhook = made(spec.clone()).unwrap();
        assert!(!format!("{webhook:?}").contains("s3cr3t"));
        let shown = serde_json::to_value(webhook.spec().redacted()).unwrap();
        assert_eq!(
            shown,
            json!({"url": "http://a", "headers": {"Authorization": "…"}})
        );
        assert_eq!(serde_json::to_value(webhook.spec()).unwrap(), spec);
    }
}
