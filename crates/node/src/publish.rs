//! Publishing from outside.

use std::borrow::Cow;

use foghorn_channels::{Eased, Lifetime, Send};
use foghorn_protocol::{EventName, Moment, Recipient, ServerMessage, SocketId};

use crate::app::App;
use crate::effect::Clustering;
use crate::node::{Inline, Node};

/// One event for one or more channels or users.
#[derive(Clone, Debug)]
pub struct Publish<'a> {
    /// Distinct channels and users.
    pub recipients: Vec<Recipient>,
    /// The event's name.
    pub event: EventName,
    /// The payload, passed on unchanged.
    pub data: Cow<'a, str>,
    /// A connection that does not get it.
    pub except: Option<SocketId>,
}

/// So much waits on a channel that nothing was accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("channel {recipient} is over capacity: its queue is full")]
pub struct OverCapacity {
    /// The first that is full.
    pub recipient: Recipient,
}

/// Events that will reach every subscriber, or close the one that is too slow.
#[derive(Debug)]
pub struct Accepted {
    /// When the publisher had better go on: one entry per channel on which much waits.
    pub eased: Vec<Eased>,
}

impl Node {
    /// Publishes `events` in their order: all of them or, if one of their channels is over
    /// capacity, none. Accepted means that every local subscriber gets it or is closed for being
    /// too slow. Cache channels remember it.
    ///
    /// # Errors
    /// A channel is over capacity; the publisher should come back later.
    pub fn publish(
        &self,
        app: &App,
        events: &[Publish<'_>],
        now: Moment,
    ) -> Result<Accepted, OverCapacity> {
        let hub = self.hub();
        let recipients = events.iter().flat_map(|event| &event.recipients);
        let mut destinations = Vec::with_capacity(recipients.clone().count());
        for recipient in recipients {
            let destination = hub.find(app.key(recipient.clone()));
            if hub.is_busy(&destination) {
                self.metrics().audience_overflow();
                return Err(OverCapacity {
                    recipient: recipient.clone(),
                });
            }
            destinations.push(destination);
        }
        app.meters().api_events(destinations.len());
        app.usage().count(destinations.len());
        let mut inline = Inline::new();
        let lifetime = Lifetime {
            now,
            ttl: app.limits().cache_ttl,
        };
        let sends = events
            .iter()
            .flat_map(|event| event.recipients.iter().map(move |to| (event, to)));
        let alone = self.clustering() == Clustering::Alone;
        for ((event, recipient), to) in sends.zip(&destinations) {
            let cache = recipient.channel().is_some_and(|name| name.kind().cache);
            if alone && to.is_deserted() && !cache {
                // Nobody hears it: not here, not elsewhere, and not later.
                continue;
            }
            let send = event.encode(recipient);
            let drain = match cache {
                true => hub.publish_cached(to, send, lifetime),
                false => hub.publish(to, send),
            };
            self.start_drain(drain, &mut inline);
        }
        let eased = destinations.iter().filter_map(|to| hub.pressed(to));
        Ok(Accepted {
            eased: eased.collect(),
        })
    }
}

impl Publish<'_> {
    /// Once per recipient, because the message names it; then shared by all subscribers.
    fn encode(&self, recipient: &Recipient) -> Send {
        let message = ServerMessage::Event {
            event: self.event.as_str(),
            channel: &recipient.name(),
            data: &self.data,
            user_id: None,
        };
        Send {
            frame: message.encode(),
            except: self.except,
        }
    }
}
