//! What nodes say to each other, and its wire form.

use std::borrow::Cow;
use std::str::Utf8Error;
use std::time::Duration;

use bytes::Bytes;
use foghorn_protocol::fallback::{NotSent, SessionName, read_sent};
use foghorn_protocol::{Frame, Recipient, SocketId, UserId};
use serde::{Deserialize, Serialize};

use crate::{AppId, Fact, NodeId, json};

/// The version of the wire form. Nodes of different versions do not understand each other.
const VERSION: u64 = 2;

/// One thing that a node says.
///
/// On the wire it is a header of one JSON line (`v`, `kind`, `node` and the members of the kind), a
/// newline and a body. The body of an event is the client's frame, passed on unparsed; the body of
/// facts and snapshots is a JSON array, as is that of what a client sent; the others have none.
///
/// A node counts and ignores a kind that it does not know, so a new kind needs no new version where
/// missing it is no worse than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// An event for the subscribers of a channel, or for a user. On the recipient's topic.
    Event {
        /// The app.
        app: AppId,
        /// The channel or the user.
        recipient: Recipient,
        /// A connection that must not get it.
        except: Option<SocketId>,
        /// What the channel needs to remember it, if it is a cache channel.
        stamp: Option<Stamp>,
        /// What the subscribers get.
        frame: Frame,
    },
    /// The application ends all connections of a user. On the user's topic.
    Terminate {
        /// The app.
        app: AppId,
        /// The user.
        user_id: UserId,
    },
    /// A client sent messages to a node that does not hold its session. For the node that does, on
    /// the control topic, because nobody else knows which that is.
    Sent {
        /// The app.
        app: AppId,
        /// The session, one of the app's.
        session: SessionName,
        /// The JSON texts of the messages; an empty list is a sign of life.
        messages: Vec<String>,
    },
    /// News of the sender's rows. On the control topic.
    Facts {
        /// The number of the first fact; the others follow without a gap.
        first: u64,
        /// The facts, oldest first.
        facts: Vec<Fact>,
    },
    /// The sender lives. On the control topic.
    Heartbeat {
        /// The number that its next fact will have.
        next: u64,
    },
    /// The sender missed something and asks the receiver for all its rows. On the receiver's topic.
    SnapshotRequest,
    /// All rows of the sender. On the topic of the node that asked.
    Snapshot {
        /// The number of the first fact that is not in it.
        next: u64,
        /// One fact per row.
        facts: Vec<Fact>,
    },
    /// The sender is going and takes its rows along. The last thing it says on the control topic.
    Leaving,
}

/// What a node needs to remember an event that another published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Stamp {
    /// The higher is the later.
    pub version: u64,
    /// How long it lives.
    #[serde(rename = "ttl_ms", with = "json::millis")]
    pub ttl: Duration,
}

/// Why bytes from the bus are not a message. The receiver counts and ignores them.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// There is no newline after a header.
    #[error("message has no header line")]
    NoHeader,
    /// The header is not the JSON of any message, or lacks members of its kind.
    #[error("message header: {0}")]
    Header(#[source] serde_json::Error),
    /// Another version of Foghorn is talking.
    #[error("message of wire version {0}, this node speaks {VERSION}")]
    Version(u64),
    /// A kind of message that this version does not know.
    #[error("message of unknown kind {0:?}")]
    Kind(String),
    /// The body is not an array of facts.
    #[error("message body: {0}")]
    Facts(#[source] serde_json::Error),
    /// The body is not an array of a client's messages.
    #[error("message body: {0}")]
    Sent(#[source] NotSent),
    /// The body of an event is not UTF-8, which clients would answer by closing.
    #[error("event body: {0}")]
    Frame(#[source] Utf8Error),
}

#[derive(Serialize)]
struct Header<'a, K> {
    v: u64,
    kind: &'a str,
    #[serde(with = "json::word")]
    node: NodeId,
    #[serde(flatten)]
    of_kind: K,
}

/// What every header begins with.
#[derive(Deserialize)]
struct Head<'a> {
    v: u64,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(with = "json::word")]
    node: NodeId,
}

#[derive(Deserialize)]
struct Version {
    v: u64,
}

#[derive(Deserialize, Serialize)]
struct OfEvent {
    #[serde(with = "json::word")]
    app: AppId,
    #[serde(rename = "channel", with = "json::word")]
    recipient: Recipient,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    except: Option<Except>,
    #[serde(rename = "cache", default, skip_serializing_if = "Option::is_none")]
    stamp: Option<Stamp>,
}

#[derive(Deserialize, Serialize)]
struct OfUser {
    #[serde(with = "json::word")]
    app: AppId,
    #[serde(rename = "user", with = "json::word")]
    user_id: UserId,
}

#[derive(Deserialize, Serialize)]
struct OfSession {
    #[serde(with = "json::word")]
    app: AppId,
    #[serde(with = "json::word")]
    session: SessionName,
}

#[derive(Deserialize, Serialize)]
struct Except(#[serde(with = "json::word")] SocketId);

#[derive(Deserialize, Serialize)]
struct First {
    first: u64,
}

#[derive(Deserialize, Serialize)]
struct Next {
    next: u64,
}

#[derive(Serialize)]
struct Nothing {}

impl Message {
    /// The bytes in which node `from` says it.
    #[must_use]
    pub fn encode(&self, from: NodeId) -> Bytes {
        match self {
            Self::Event {
                app,
                recipient,
                except,
                stamp,
                frame,
            } => {
                let of_event = OfEvent {
                    app: app.clone(),
                    recipient: recipient.clone(),
                    except: except.map(Except),
                    stamp: *stamp,
                };
                lines(from, "event", of_event, frame.text())
            }
            Self::Terminate { app, user_id } => {
                let of_user = OfUser {
                    app: app.clone(),
                    user_id: user_id.clone(),
                };
                lines(from, "terminate", of_user, b"")
            }
            Self::Sent {
                app,
                session,
                messages,
            } => {
                let of_session = OfSession {
                    app: app.clone(),
                    session: *session,
                };
                lines(from, "sent", of_session, &to_json(messages))
            }
            Self::Facts { first, facts } => {
                lines(from, "facts", First { first: *first }, &to_json(facts))
            }
            Self::Heartbeat { next } => lines(from, "heartbeat", Next { next: *next }, b""),
            Self::SnapshotRequest => lines(from, "snapshot-request", Nothing {}, b""),
            Self::Snapshot { next, facts } => {
                lines(from, "snapshot", Next { next: *next }, &to_json(facts))
            }
            Self::Leaving => lines(from, "leaving", Nothing {}, b""),
        }
    }

    /// Reads what a node said, and which node it was.
    ///
    /// # Errors
    /// The bytes are not a message of this version.
    pub fn decode(bytes: &[u8]) -> Result<(NodeId, Self), WireError> {
        let end = bytes.iter().position(|&b| b == b'\n');
        let (header, rest) = end
            .and_then(|end| bytes.split_at_checked(end))
            .ok_or(WireError::NoHeader)?;
        let body = rest.get(1..).unwrap_or_default();
        let head = Head::read(header)?;
        let message = match &*head.kind {
            "event" => Self::event(read(header)?, body)?,
            "facts" => Self::Facts {
                first: read::<First>(header)?.first,
                facts: serde_json::from_slice(body).map_err(WireError::Facts)?,
            },
            "terminate" => {
                let OfUser { app, user_id } = read(header)?;
                Self::Terminate { app, user_id }
            }
            "sent" => {
                let OfSession { app, session } = read(header)?;
                Self::Sent {
                    app,
                    session,
                    messages: read_sent(body).map_err(WireError::Sent)?,
                }
            }
            "heartbeat" => Self::Heartbeat {
                next: read::<Next>(header)?.next,
            },
            "snapshot-request" => Self::SnapshotRequest,
            "snapshot" => Self::Snapshot {
                next: read::<Next>(header)?.next,
                facts: serde_json::from_slice(body).map_err(WireError::Facts)?,
            },
            "leaving" => Self::Leaving,
            unknown => return Err(WireError::Kind(unknown.to_owned())),
        };
        Ok((head.node, message))
    }

    fn event(of_event: OfEvent, body: &[u8]) -> Result<Self, WireError> {
        let text = std::str::from_utf8(body).map_err(WireError::Frame)?;
        Ok(Self::Event {
            app: of_event.app,
            recipient: of_event.recipient,
            except: of_event.except.map(|Except(socket)| socket),
            stamp: of_event.stamp,
            frame: Frame::from_text(text.as_bytes()),
        })
    }
}

impl<'a> Head<'a> {
    /// The version goes first: of another one, nothing else can be expected to be readable.
    fn read(header: &'a [u8]) -> Result<Self, WireError> {
        let head: Result<Self, WireError> = read(header);
        let version = match &head {
            Ok(head) => Some(head.v),
            Err(_) => read::<Version>(header).ok().map(|version| version.v),
        };
        match version {
            Some(other) if other != VERSION => Err(WireError::Version(other)),
            _ => head,
        }
    }
}

fn read<'a, T: Deserialize<'a>>(header: &'a [u8]) -> Result<T, WireError> {
    serde_json::from_slice(header).map_err(WireError::Header)
}

/// The header's line and the body.
fn lines(node: NodeId, kind: &str, of_kind: impl Serialize, body: &[u8]) -> Bytes {
    let mut bytes = to_json(&Header {
        v: VERSION,
        kind,
        node,
        of_kind,
    });
    bytes.reserve_exact(1 + body.len());
    bytes.push(b'\n');
    bytes.extend_from_slice(body);
    bytes.into()
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    let json = serde_json::to_vec(value);
    debug_assert!(json.is_ok(), "messages have string keys and no maps");
    json.unwrap_or_default()
}
