//! `users/{id}/terminate_connections`.

use foghorn_node::{App, Node};
use foghorn_protocol::UserId;

use crate::error::{ApiError, excerpt};

/// Ends the connections that are signed in as a user. A user without any is no error.
pub(crate) fn terminate(node: &Node, app: &App, id: &str) -> Result<(), ApiError> {
    let limit = app.limits().max_user_id_length;
    let user = UserId::parse_plain(id, limit).map_err(|invalid| ApiError::User {
        id: excerpt(id),
        invalid,
    })?;
    node.terminate(app, &user);
    Ok(())
}
