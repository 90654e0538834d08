//! The admin API, on the private listener: apps, their connections and channels, webhooks that
//! could not be delivered, and what is in force.
//!
//! Every route is a row of `route::ROUTES` and a path of `openapi.json`; a test holds the two
//! together, and the black-box tests hold the document against a running server.

mod access;
mod apps;
mod body;
mod channels;
mod connections;
mod document;
mod keys;
mod params;
mod random;
mod refusal;
mod route;
mod view;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use foghorn_api::Answer;
use foghorn_config::BearerToken;
use foghorn_node::Node;
use http::StatusCode;

use crate::apps::Catalogue;
use crate::connections::Connections;
use crate::http1::{BodyError, BodyTerms, Head};
use crate::webhooks::Clerk;
use access::Access;
use params::Params;
use refusal::Refusal;
use route::Operation;
use view::json;

/// An app with many webhooks has a few kilobytes.
pub(crate) const BODY_TERMS: BodyTerms = BodyTerms {
    limit: 256 * 1_024,
    timeout: Duration::from_secs(10),
};

/// What every path begins with.
pub(crate) const PREFIX: &str = "/admin/";

/// What an admin API is about.
pub(crate) struct Parts {
    /// The node.
    pub(crate) node: Arc<Node>,
    /// Its connections.
    pub(crate) connections: Connections,
    /// Who knows of its webhooks.
    pub(crate) clerk: Arc<Clerk>,
    /// Its configuration, and the database with more apps, if there is one.
    pub(crate) catalogue: Arc<Catalogue>,
}

/// The admin API of a node.
pub(crate) struct Admin {
    access: Access,
    parts: Parts,
    /// Changes of apps are made one after the other: each looks first and writes then.
    changing: tokio::sync::Mutex<()>,
}

/// A request in order as far as its head goes.
pub(crate) struct Call {
    operation: Operation,
    params: Params,
}

impl Admin {
    /// An admin API for who has `token`; without one it answers nobody.
    pub(crate) fn new(token: &BearerToken, parts: Parts) -> Self {
        Self {
            access: Access::new(token),
            parts,
            changing: tokio::sync::Mutex::new(()),
        }
    }

    /// Looks at the head of a request: token, path, method, parameters.
    ///
    /// # Errors
    /// The complete answer to a request that goes nowhere.
    pub(crate) fn begin(&self, head: &Head<'_, '_>) -> Result<Call, Box<Answer>> {
        let call = self.access.check(head).and_then(|()| {
            let (operation, known) = route::find(head.method, head.path)?;
            let params = Params::parse(head.query, known)?;
            Ok(Call { operation, params })
        });
        call.map_err(|refusal| Box::new(refusal.answer()))
    }

    /// Answers a call whose body has arrived, or cannot be had.
    pub(crate) async fn finish(&self, call: Call, body: Result<&[u8], BodyError>) -> Answer {
        let answered = match body {
            Ok(body) => self.answer(call, body).await,
            Err(error) => Err(Refusal::Body(error)),
        };
        answered.unwrap_or_else(|refusal| refusal.answer())
    }

    async fn answer(&self, call: Call, body: &[u8]) -> Result<Answer, Refusal> {
        let Call { operation, params } = call;
        match operation {
            Operation::ListApps => self.list_apps(&params).await,
            Operation::CreateApp => self.create_app(body).await,
            Operation::ShowApp(id) => self.show_app(&id).await,
            Operation::ChangeApp(id) => self.change_app(&id, body).await,
            Operation::DeleteApp(id) => self.delete_app(&id).await,
            Operation::CreateKey(id) => self.create_key(&id, body).await,
            Operation::ChangeKey(id, key) => self.change_key((&id, &key), body).await,
            Operation::DeleteKey(id, key) => self.delete_key((&id, &key)).await,
            Operation::ListConnections(id) => self.list_connections(&id, &params).await,
            Operation::CloseConnection(id, socket) => self.close_connection((&id, &socket)).await,
            Operation::ListChannels(id) => self.list_channels(&id, &params).await,
            Operation::ShowUsage(id) => self.show_usage(&id).await,
            Operation::ShowWebhooks => self.show_webhooks(),
            Operation::ListDeadLetters => self.list_dead_letters(&params).await,
            Operation::Redeliver => self.redeliver(body).await,
            Operation::DiscardDeadLetter(id) => self.discard_dead_letter(&id).await,
            Operation::ShowConfiguration => self.show_configuration(),
            Operation::ShowDocument => Ok(document::answer()),
        }
    }

    fn show_configuration(&self) -> Result<Answer, Refusal> {
        let loaded = self.parts.catalogue.loaded();
        let settings = loaded.effective().into_iter().map(view::Setting::from);
        let settings = settings.collect();
        json(StatusCode::OK, &view::Settings { settings })
    }
}
