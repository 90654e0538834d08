//! The private listener: metrics, health and the admin API, for operators and their machines.

use std::convert::Infallible;
use std::sync::Arc;

use foghorn_api::Answer;
use foghorn_node::Node;
use http::StatusCode;

use crate::admin::{self, Admin};
use crate::gate::Gate;
use crate::http1::{BodyError, BodyTerms, Head, Service, Step, Upgraded};
use crate::metrics::Scrape;
use crate::peer::Peer;
use crate::plain::{health, plain};
use crate::stream::Stream;

/// Who answers on the private listener.
pub(crate) struct Private {
    node: Arc<Node>,
    scrape: Scrape,
    admin: Admin,
    requests: Gate,
}

impl Private {
    /// Answers of `scrape` and `admin`, and whether `node` is ready.
    pub(crate) fn new(node: Arc<Node>, scrape: Scrape, admin: Admin) -> Self {
        Self {
            node,
            scrape,
            admin,
            requests: Gate::default(),
        }
    }
}

impl Service for Private {
    type Call<'h> = admin::Call;
    type Upgrade = Infallible;

    fn begin<'h>(&'h self, head: &Head<'h, '_>, _: Peer) -> Step<admin::Call, Infallible> {
        if head.path.starts_with(admin::PREFIX) {
            return match self.admin.begin(head) {
                Ok(call) => Step::Body(call, self.body_terms()),
                Err(answer) => Step::Answer(*answer),
            };
        }
        Step::Answer(match head.path {
            "/" => health(head, StatusCode::OK),
            "/ready" if self.node.is_draining() => health(head, StatusCode::SERVICE_UNAVAILABLE),
            "/ready" => health(head, StatusCode::OK),
            "/metrics" => self.scrape.metrics(),
            _ => plain(
                StatusCode::NOT_FOUND,
                "Not found; metrics are at /metrics, the admin API is below /admin/v1/\n",
            ),
        })
    }

    async fn finish(&self, call: Self::Call<'_>, body: Result<&[u8], BodyError>) -> Answer {
        self.admin.finish(call, body).await
    }

    fn body_terms(&self) -> BodyTerms {
        admin::BODY_TERMS
    }

    fn requests(&self) -> &Gate {
        &self.requests
    }

    async fn go_on(self: Arc<Self>, upgraded: Box<Upgraded<Stream, Infallible>>) {
        match upgraded.upgrade {}
    }
}
