//! What all requests and connections of a node share.

use std::sync::Arc;
use std::time::Duration;

use foghorn_api::Api;
use foghorn_config::Networks;
use foghorn_node::Node;

use crate::apps::Catalogue;
use crate::connections::Connections;
use crate::fallback::Fallback;
use crate::gate::Gate;
use crate::lots::Lots;
use crate::newcomers::Newcomers;
use crate::rules::Rules;

/// What all requests share.
pub(crate) struct Shared {
    /// The node.
    pub(crate) node: Arc<Node>,
    /// Where apps are looked for that it does not have.
    pub(crate) apps: Arc<Catalogue>,
    /// Its HTTP API.
    pub(crate) api: Api,
    /// Its connections.
    pub(crate) connections: Connections,
    /// Where their ids come from.
    pub(crate) lots: Lots,
    /// Requests in flight.
    pub(crate) requests: Gate,
    /// What precedes every path.
    pub(crate) path_prefix: String,
    /// Who has come lately, and how often.
    pub(crate) newcomers: Newcomers,
    /// Who may say how clients are connected, and from where.
    pub(crate) trusted_proxies: Networks,
    /// Bytes of a request's body.
    pub(crate) max_body_bytes: usize,
    /// How long a body may take.
    pub(crate) body_timeout: Duration,
    /// What all connections share, whatever their transport.
    pub(crate) rules: Rules,
    /// The HTTP fallback transports.
    pub(crate) fallback: Fallback,
}
