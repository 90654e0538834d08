//! The seam between nodes: what they say to each other, and over what.
//!
//! Nodes share facts, not questions. Each node announces what it alone knows ([`Fact`], numbered by
//! its [`Ledger`]); every node keeps what it has heard of the others in a [`View`] and answers from
//! memory. Events travel as finished client frames ([`Message::Event`]). All of it is bytes on a
//! [`Topic`] of a [`Bus`], read back from an [`Inbox`]; the in-process driver is [`local`].
//!
//! This crate must not know: channels' subscribers, sessions, brokers' protocols, tokio, clocks,
//! randomness. Time and node ids are arguments.

mod fact;
mod json;
mod ledger;
pub mod local;
mod message;
mod node_id;
mod ownership;
mod rows;
mod seam;
#[cfg(any(test, feature = "suite"))]
pub mod suite;
mod topic;
mod view;

use std::sync::Arc;

pub use fact::{Cached, Fact};
pub use ledger::Ledger;
pub use message::{Message, Stamp, WireError};
pub use node_id::{InvalidNodeId, NodeId};
pub use ownership::Ownership;
pub use rows::{Change, RowChange};
pub use seam::{Bus, BusError, Inbound, Inbox, Joining, Reach};
pub use topic::{InvalidTopic, Topic};
pub use view::{LinkState, Patience, View, ViewEvent};

/// An app's id, as configured. Nodes of one cluster are configured alike.
pub type AppId = Arc<str>;
