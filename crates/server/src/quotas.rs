//! What operators hear of quotas.

use foghorn_node::{NearQuota, Node, Quantity};

use crate::clock::Clock;

/// Has the node look at what its apps have used, and writes down which come near the end of it.
pub(crate) fn look(node: &Node) {
    for near in node.look_at_quotas(Clock::unix_seconds()) {
        warn(&near);
    }
}

fn warn(near: &NearQuota) {
    let NearQuota {
        app, used, limit, ..
    } = near;
    match near.quantity {
        Quantity::Messages => tracing::warn!(
            %app,
            used,
            limit,
            "80 % of today's messages are used; over the limit, publishing is refused"
        ),
        Quantity::Connections => tracing::warn!(
            %app,
            used,
            limit,
            "80 % of the connections are used; over the limit, clients are refused"
        ),
    }
}
