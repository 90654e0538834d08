//! From events to signed requests.

use std::sync::Arc;

use foghorn_auth::{Credential, sign_webhook};

use crate::body::body;
use crate::{Batching, Class, Delivery, Event, Kind, Lane, UnixMillis, Webhook, Webhooks};

/// The requests that tell an app's webhooks of `events`, in the order in which they are to be
/// made. A webhook's requests hold what it wants and nothing else, so a batch in which nothing is
/// left is none. With several keys `credential` is the oldest one that is active (webhooks.md §1).
#[must_use]
pub fn plan(
    webhooks: &Webhooks,
    app: &Arc<str>,
    credential: &Credential,
    events: &[Event],
    created: UnixMillis,
) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    for webhook in &webhooks.webhooks {
        let request = Request {
            app,
            webhook,
            credential,
            created,
        };
        let wanted: Vec<&Event> = events.iter().filter(|event| webhook.wants(event)).collect();
        match webhooks.batching {
            Batching::Off => deliveries.extend(wanted.iter().map(|event| {
                let lane = Lane::Channel(event.channel().clone());
                request.with(&[event], lane)
            })),
            Batching::Within { most, .. } => {
                let batches = wanted.chunks(most.max(1));
                deliveries.extend(batches.map(|events| request.with(events, Lane::App)));
            }
        }
    }
    deliveries
}

/// What the requests to one webhook have in common.
struct Request<'a> {
    app: &'a Arc<str>,
    webhook: &'a Webhook,
    credential: &'a Credential,
    created: UnixMillis,
}

impl Request<'_> {
    fn with(&self, events: &[&Event], lane: Lane) -> Delivery {
        let body = body(self.created, events);
        let is_client_event = |event: &&Event| event.kind() == Kind::ClientEvent;
        Delivery {
            app: Arc::clone(self.app),
            target: Arc::clone(self.webhook.target()),
            lane,
            class: if events.iter().all(is_client_event) {
                Class::ClientEvents
            } else {
                Class::State
            },
            created: self.created,
            key: self.credential.key.clone(),
            signature: sign_webhook(&self.credential.secret, &body).to_string(),
            body: body.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_auth::{AppKey, Secret};
    use foghorn_protocol::{ChannelName, SocketId};
    use serde_json::{Value, json};
    use std::time::Duration;

    fn webhooks(batching: Batching, specs: Value) -> Webhooks {
        let specs: Vec<crate::Spec> = serde_json::from_value(specs).unwrap();
        Webhooks {
            webhooks: specs
                .into_iter()
                .map(|spec| Webhook::new(spec).unwrap())
                .collect(),
            batching,
            ..Webhooks::default()
        }
    }

    fn channel(name: &str) -> ChannelName {
        ChannelName::parse(name, 200).unwrap()
    }

    fn occupied(name: &str) -> Event {
        Event::ChannelOccupied {
            channel: channel(name),
        }
    }

    fn client_event(name: &str) -> Event {
        Event::ClientEvent {
            channel: channel(name),
            event: "client-a".into(),
            data: "1".into(),
            socket_id: SocketId::from_random(1),
            user_id: None,
        }
    }

    fn planned(webhooks: &Webhooks, events: &[Event]) -> Vec<Delivery> {
        let credential = Credential {
            key: AppKey::parse("k7f3d0c1b2a39485").unwrap(),
            secret: Secret::parse("s3cr3t-9f8e7d6c5b4a").unwrap(),
        };
        let created = UnixMillis(1_760_000_000_123);
        plan(webhooks, &"app-1".into(), &credential, events, created)
    }

    /// Target, channels of the events, and class of each delivery.
    fn outline(deliveries: &[Delivery]) -> Vec<(String, Vec<String>, Class)> {
        let outline = deliveries.iter().map(|delivery| {
            let body: Value = serde_json::from_slice(&delivery.body).unwrap();
            let events = body["events"].as_array().unwrap().iter();
            let names = events.map(|event| event["channel"].as_str().unwrap().to_owned());
            (delivery.target.url.clone(), names.collect(), delivery.class)
        });
        outline.collect()
    }

    /// webhooks.md §1.
    #[test]
    fn vector() {
        let one = webhooks(Batching::Off, json!([{"url": "http://a/hooks/pusher"}]));
        let deliveries = planned(&one, &[occupied("private-orders")]);
        let [delivery] = deliveries.as_slice() else {
            panic!("{deliveries:?}");
        };
        let body = r#"{"time_ms":1760000000123,"events":[{"name":"channel_occupied","channel":"private-orders"}]}"#;
        assert_eq!(&*delivery.body, body.as_bytes());
        assert_eq!(
            delivery.signature,
            "dd584dfde1aeb3b949be856af1ff386638a9a1ff0906bd8adbc3fcfe84ca8a3b"
        );
        assert_eq!(delivery.key.as_str(), "k7f3d0c1b2a39485");
        assert_eq!(delivery.created, UnixMillis(1_760_000_000_123));
        assert_eq!(&*delivery.app, "app-1");
        assert_eq!(delivery.lane, Lane::Channel(channel("private-orders")));
    }

    #[test]
    fn each_webhook_gets_what_it_wants_one_event_a_request() {
        let two = webhooks(
            Batching::Off,
            json!([
                {"url": "http://a/", "filter": {"channel_name_starts_with": "private-"}},
                {"url": "http://b/", "event_types": ["client_event"]},
            ]),
        );
        let events = [
            occupied("private-x"),
            occupied("y"),
            client_event("private-x"),
        ];
        let deliveries = planned(&two, &events);
        let x = || vec!["private-x".to_owned()];
        assert_eq!(
            outline(&deliveries),
            [
                ("http://a/".to_owned(), x(), Class::State),
                ("http://a/".to_owned(), x(), Class::ClientEvents),
                ("http://b/".to_owned(), x(), Class::ClientEvents),
            ]
        );
        let in_its_lane = |each: &Delivery| each.lane == Lane::Channel(channel("private-x"));
        assert!(deliveries.iter().all(in_its_lane));
        assert!(planned(&two, &[occupied("y")]).is_empty());
    }

    #[test]
    fn batches_are_filled_after_filtering() {
        let window = Duration::from_millis(50);
        let two = webhooks(
            Batching::Within { window, most: 2 },
            json!([
                {"url": "http://a/", "filter": {"channel_name_ends_with": "x"}},
                {"url": "http://b/", "event_types": ["client_event"]},
                {"url": "http://c/", "event_types": ["cache_miss"]},
            ]),
        );
        let events = [
            occupied("1x"),
            occupied("y"),
            client_event("2x"),
            client_event("3x"),
        ];
        let deliveries = planned(&two, &events);
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(
            outline(&deliveries),
            [
                ("http://a/".to_owned(), names(&["1x", "2x"]), Class::State),
                ("http://a/".to_owned(), names(&["3x"]), Class::ClientEvents),
                (
                    "http://b/".to_owned(),
                    names(&["2x", "3x"]),
                    Class::ClientEvents
                ),
            ]
        );
        assert!(deliveries.iter().all(|each| each.lane == Lane::App));
    }
}
