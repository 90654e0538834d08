//! What operators do to apps while they are used.

use foghorn_protocol::{Close, CloseCode};

use crate::app::{App, AppSpec, AppStatus};
use crate::apps::DuplicateApp;
use crate::effect::Effect;
use crate::node::Node;

/// What became of an app that was put in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is new.
    Added,
    /// There was one with its id, which obeys other rules from now on.
    Changed,
}

impl Node {
    /// Makes `spec` hold from now on, for a new app or for the one that has its id. Limits apply to
    /// what is asked for next: nobody is sent away because there are too many. The connections of
    /// an app that is switched off are closed with 4003, those that came with a key which has gone
    /// stay.
    ///
    /// # Errors
    /// A key belongs to another app; nothing has changed.
    pub fn put_app(&self, spec: AppSpec) -> Result<Put, DuplicateApp> {
        let (id, status) = (spec.id.clone(), spec.status);
        let Some(before) = self.apps().put(spec)? else {
            return Ok(Put::Added);
        };
        if before.status() == AppStatus::Enabled && status == AppStatus::Disabled {
            let close = disabled();
            self.emit(Effect::CloseApp { app: id, close });
        }
        Ok(Put::Changed)
    }

    /// Why a client of `app` is to be sent away that was let in just before its app changed.
    #[must_use]
    pub fn regrets(&self, app: &App) -> Option<Close> {
        if !app.is_superseded() {
            return None;
        }
        match self
            .apps()
            .with_number(app.number())
            .map(|app| app.status())
        {
            Some(AppStatus::Enabled) => None,
            Some(AppStatus::Disabled) => Some(disabled()),
            None => Some(removed()),
        }
    }

    /// Takes an app away. Its connections are closed with 4001. Whether there was one.
    pub fn remove_app(&self, id: &str) -> bool {
        let Some(app) = self.apps().remove(id) else {
            return false;
        };
        self.emit(Effect::CloseApp {
            app: app.id().clone(),
            close: removed(),
        });
        true
    }
}

fn disabled() -> Close {
    Close::new(CloseCode::AppDisabled, "The app has been disabled")
}

fn removed() -> Close {
    Close::new(CloseCode::UnknownApp, "The app has been removed")
}
