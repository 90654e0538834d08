//! Publishing from outside.

use std::borrow::Cow;

use foghorn_channels::{Lifetime, Send};
use foghorn_protocol::{EventName, Moment, Recipient, ServerMessage, SocketId};

use crate::app::App;
use crate::node::Node;

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
    ) -> Result<(), OverCapacity> {
        let recipients = events.iter().flat_map(|event| &event.recipients);
        for recipient in recipients.clone() {
            if self.hub().is_busy(&app.key(recipient.clone())) {
                self.metrics().audience_overflow();
                return Err(OverCapacity {
                    recipient: recipient.clone(),
                });
            }
        }
        app.meters().api_events(recipients.count());
        let lifetime = Lifetime {
            now,
            ttl: app.limits().cache_ttl,
        };
        for event in events {
            for recipient in &event.recipients {
                // Once per channel, because the message names it; then shared by all subscribers.
                let frame = ServerMessage::Event {
                    event: event.event.as_str(),
                    channel: &recipient.name(),
                    data: &event.data,
                    user_id: None,
                };
                let send = Send {
                    frame: frame.encode(),
                    except: event.except,
                };
                let key = app.key(recipient.clone());
                let cache = recipient.channel().is_some_and(|name| name.kind().cache);
                self.start_drain(match cache {
                    true => self.hub().publish_cached(&key, send, lifetime),
                    false => self.hub().publish(&key, send),
                });
            }
        }
        Ok(())
    }
}
