//! What operators do to apps while they are used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foghorn_cluster::AppId;
use foghorn_protocol::{Close, CloseCode};
use foghorn_webhooks::Kind;

use crate::app::{App, AppSpec, AppStatus};
use crate::apps::DuplicateApp;
use crate::effect::Effect;
use crate::node::Node;

impl Node {
    /// Makes `specs` hold from now on, for new apps and for those that have their ids, and takes
    /// the apps `removed` away. Limits apply to what is asked for next: nobody is sent away because
    /// there are too many. The connections of an app that is switched off are closed with 4003,
    /// those of one that is removed with 4001; those that came with a key which has gone stay.
    ///
    /// # Errors
    /// Two apps would share an id or a key; nothing has changed.
    pub fn change_apps(&self, specs: Vec<AppSpec>, removed: &[&str]) -> Result<(), DuplicateApp> {
        let ids: Vec<AppId> = specs.iter().map(|spec| spec.id.clone()).collect();
        let before = self.apps().change(specs, removed)?;
        self.inform_desks(&ids, &before);
        let enabled = before.iter();
        for app in enabled.filter(|app| app.status() == AppStatus::Enabled) {
            if let Some(close) = self.regrets(app) {
                let app = Arc::clone(app);
                self.emit(Effect::CloseApp { app, close });
            }
        }
        Ok(())
    }

    /// Webhooks may have changed: has the desks of the apps `ids` learn who is there, if they did
    /// not hear of that `before`, and forget what no webhook hears of any more.
    fn inform_desks(&self, ids: &[AppId], before: &[Arc<App>]) {
        let turn = self.rounds().hold();
        let before: BTreeMap<_, _> = before.iter().map(|app| (app.number(), app)).collect();
        let mut ignorant = BTreeSet::new();
        for app in ids.iter().filter_map(|id| self.apps().with_id(id)) {
            if let Some(before) = before.get(&app.number()) {
                let (new, old) = (app.webhooks(), before.webhooks());
                let begins = |kind| new.follows(kind) && !old.follows(kind);
                // The shell is woken below.
                if begins(Kind::ChannelOccupied) || begins(Kind::MemberAdded) {
                    _ = app.desk().lock().doubt();
                }
                if new.webhooks != old.webhooks {
                    ignorant.insert(app.number());
                }
            }
        }
        if !ignorant.is_empty() {
            self.hub().tell_again(&ignorant);
        }
        drop(turn);
        for app in ids.iter().filter_map(|id| self.apps().with_id(id)) {
            self.wake_desk(&app);
        }
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
}

fn disabled() -> Close {
    Close::new(CloseCode::AppDisabled, "The app has been disabled")
}

fn removed() -> Close {
    Close::new(CloseCode::UnknownApp, "The app has been removed")
}
