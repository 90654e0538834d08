//! How much an app has used of its quotas.

use foghorn_node::App;
use foghorn_protocol::UnixSeconds;
use serde::Serialize;

/// What `usage` says. A limit of `null` is none.
#[derive(Debug, Serialize)]
pub struct Usage {
    messages: Messages,
    connections: Connections,
}

#[derive(Debug, Serialize)]
struct Messages {
    used: u64,
    limit: Option<u64>,
    /// RFC 3339, UTC.
    resets_at: String,
    /// Seconds.
    resets_in: u64,
}

#[derive(Debug, Serialize)]
struct Connections {
    used: u64,
    limit: Option<u64>,
}

/// What an app uses and may use now.
#[must_use]
pub fn usage(app: &App, now: UnixSeconds) -> Usage {
    let reset = app.usage().reset(now);
    Usage {
        messages: Messages {
            used: app.usage().today(now),
            limit: app.quota().messages_per_day,
            resets_at: reset.to_string(),
            resets_in: reset.after.as_secs(),
        },
        connections: Connections {
            used: app.connections(),
            limit: app.connections_limit(),
        },
    }
}
