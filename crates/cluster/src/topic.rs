//! Where messages go.

use std::fmt;
use std::str::FromStr;

use foghorn_protocol::Recipient;

use crate::json::Word as _;
use crate::{AppId, NodeId};

/// What a message is about, and so who wants to hear it.
///
/// The text form is `control`, `node/<id>` or `audience/<app>/<channel>`, where the channel of a
/// user is `#server-to-user-ID`. It is unambiguous for any app id because neither name holds a `/`;
/// a driver may use it as its broker's channel name, with a prefix or an encoding of its own if the
/// broker is picky.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// The events of one channel or one user; for nodes that have connections of it.
    Audience {
        /// The app.
        app: AppId,
        /// The channel or the user.
        recipient: Recipient,
    },
    /// Facts, heartbeats and what clients sent to the wrong node; for every node.
    Control,
    /// Snapshots and requests for them; for one node.
    Node(NodeId),
}

/// The text is not the text form of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a topic: expected control, node/<id> or audience/<app>/<channel>")]
pub struct InvalidTopic;

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Audience { app, recipient } => write!(f, "audience/{app}/{recipient}"),
            Self::Control => f.write_str("control"),
            Self::Node(node) => write!(f, "node/{node}"),
        }
    }
}

impl FromStr for Topic {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, InvalidTopic> {
        match text.split_once('/') {
            None if text == "control" => Ok(Self::Control),
            Some(("node", node)) => node.parse().map(Self::Node).map_err(|_| InvalidTopic),
            Some(("audience", rest)) => {
                let (app, name) = rest.rsplit_once('/').ok_or(InvalidTopic)?;
                let recipient = Recipient::parse_word(name).ok_or(InvalidTopic)?;
                Ok(Self::Audience {
                    app: app.into(),
                    recipient,
                })
            }
            _ => Err(InvalidTopic),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_protocol::Limits;
    use foghorn_protocol::strategies::recipient;
    use proptest::prelude::*;

    fn topic() -> impl Strategy<Value = Topic> {
        prop_oneof![
            Just(Topic::Control),
            any::<u64>().prop_map(|bits| Topic::Node(NodeId::from_random(bits))),
            (".{0,8}|[a/]{0,4}", recipient()).prop_map(|(app, recipient)| Topic::Audience {
                app: app.into(),
                recipient
            }),
        ]
    }

    #[test]
    fn text_forms() {
        let audience = |app: &str, name| Topic::Audience {
            app: app.into(),
            recipient: Recipient::parse(name, &Limits::default()).unwrap(),
        };
        for (text, expect) in [
            ("control", Ok(Topic::Control)),
            (
                "node/00000000000000ff",
                Ok(Topic::Node(NodeId::from_random(255))),
            ),
            ("audience/1/news", Ok(audience("1", "news"))),
            ("audience/a/b/news", Ok(audience("a/b", "news"))),
            (
                "audience/1/#server-to-user-u",
                Ok(audience("1", "#server-to-user-u")),
            ),
            ("", Err(InvalidTopic)),
            ("control/", Err(InvalidTopic)),
            ("node/ff", Err(InvalidTopic)),
            ("audience/news", Err(InvalidTopic)),
            ("audience/1/", Err(InvalidTopic)),
            ("audience/1/#x", Err(InvalidTopic)),
            ("other/1", Err(InvalidTopic)),
        ] {
            assert_eq!(text.parse(), expect, "{text:?}");
            if let Ok(topic) = expect {
                assert_eq!(topic.to_string(), text);
            }
        }
    }

    proptest! {
        #[test]
        fn display_and_parse_are_inverse(topic in topic()) {
            prop_assert_eq!(topic.to_string().parse(), Ok(topic));
        }
    }
}
