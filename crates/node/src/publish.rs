//! Publishing from outside.

use foghorn_channels::Send;
use foghorn_protocol::{ChannelName, EventName, ServerMessage, SocketId};

use crate::app::App;
use crate::node::Node;

/// One event for one or more channels.
#[derive(Clone, Debug)]
pub struct Publish {
    /// Distinct channels.
    pub channels: Vec<ChannelName>,
    /// The event's name.
    pub event: EventName,
    /// The payload, passed on unchanged.
    pub data: String,
    /// A connection that does not get it.
    pub except: Option<SocketId>,
}

/// So much waits on a channel that nothing was accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("channel {channel} is over capacity: its queue is full")]
pub struct OverCapacity {
    /// The first channel that is full.
    pub channel: ChannelName,
}

impl Node {
    /// Publishes `events` in their order: all of them or, if one of their channels is over
    /// capacity, none. Accepted means that every local subscriber gets it or is closed for being
    /// too slow.
    ///
    /// # Errors
    /// A channel is over capacity; the publisher should come back later.
    pub fn publish(&self, app: &App, events: &[Publish]) -> Result<(), OverCapacity> {
        let channels = events.iter().flat_map(|event| &event.channels);
        for channel in channels.clone() {
            if self.hub().is_busy(&app.key(channel)) {
                self.metrics().audience_overflow();
                return Err(OverCapacity {
                    channel: channel.clone(),
                });
            }
        }
        app.meters().api_events(channels.count());
        for event in events {
            for channel in &event.channels {
                // Once per channel, because the message names it; then shared by all subscribers.
                let frame = ServerMessage::Event {
                    event: event.event.as_str(),
                    channel,
                    data: &event.data,
                    user_id: None,
                };
                let send = Send {
                    frame: frame.encode(),
                    except: event.except,
                };
                self.start_drain(self.hub().publish(&app.key(channel), send));
            }
        }
        Ok(())
    }
}
