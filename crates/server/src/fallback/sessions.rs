//! The sessions of a node, by name.

use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry as Slot;
use foghorn_cluster::AppId;
use foghorn_protocol::fallback::SessionName;

use super::session::Session;
use crate::stream::{Reading, Writing};

/// A session, and whose it is.
type Key = (AppId, SessionName);

/// Every session of a node.
#[derive(Clone, Default)]
pub(crate) struct Sessions(Arc<DashMap<Key, Arc<Session<Reading, Writing>>>>);

/// A session's entry. Dropping it is the session's end: its name is unknown from then on.
pub(super) struct Entry {
    sessions: Sessions,
    key: Key,
}

impl Sessions {
    /// Enters `session`.
    ///
    /// # Errors
    /// There is another of that name already; gives that.
    pub(super) fn open(
        &self,
        app: AppId,
        name: SessionName,
        session: &Arc<Session<Reading, Writing>>,
    ) -> Result<Entry, Arc<Session<Reading, Writing>>> {
        let key = (app, name);
        match self.0.entry(key.clone()) {
            Slot::Occupied(taken) => Err(Arc::clone(taken.get())),
            Slot::Vacant(free) => {
                free.insert(Arc::clone(session));
                let sessions = self.clone();
                Ok(Entry { sessions, key })
            }
        }
    }

    /// The session of that name.
    pub(super) fn get(
        &self,
        app: &AppId,
        name: SessionName,
    ) -> Option<Arc<Session<Reading, Writing>>> {
        let found = self.0.get(&(app.clone(), name))?;
        Some(Arc::clone(found.value()))
    }

    /// Leaves what another node has passed on for a session, if it is here.
    pub(crate) fn pass_on(&self, app: &AppId, name: SessionName, messages: Vec<String>) {
        if let Some(session) = self.get(app, name) {
            session.leave_sent(messages);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.sessions.0.remove(&self.key);
    }
}
