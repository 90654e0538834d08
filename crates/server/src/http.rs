//! The listener's HTTP side: who answers which path.

use std::sync::Arc;
use std::time::Duration;

use foghorn_api::{Answer, ApiError, Call, Outcome};
use foghorn_auth::without_mount;
use http::StatusCode;
use tokio::time::timeout;

use crate::apps::asked_for;
use crate::clock::Clock;
use crate::fallback::Sending;
use crate::gate::Gate;
use crate::http1::{BodyError, BodyTerms, Head, Preparation, Service, Step, Upgraded};
use crate::peer::Peer;
use crate::plain::{health, upgrade_required};
use crate::shared::Shared;
use crate::stream::Stream;
use crate::upgrade::{self, Upgrade};

/// How long a publisher waits for its answer, at most, when its channels have much to deliver: less
/// than the time-out of any SDK.
const SLOWDOWN: Duration = Duration::from_secs(2);

/// A request whose body is wanted.
pub(crate) enum Wanted<'h> {
    /// A call of the HTTP API.
    Api(Call<'h>),
    /// What a client of a fallback transport sends.
    Sending(Sending),
}

impl From<Sending> for Wanted<'_> {
    fn from(sending: Sending) -> Self {
        Self::Sending(sending)
    }
}

impl Service for Shared {
    type Call<'h> = Wanted<'h>;
    type Upgrade = Upgrade;

    /// The app that a request is about may have to be looked for.
    fn prepare(&self, head: &Head<'_, '_>) -> Option<Preparation> {
        self.apps.directory()?;
        let path = without_mount(head.path, &self.path_prefix).unwrap_or(head.path);
        let search = self.apps.look_for(asked_for(path, head.query)?)?;
        Some(Box::pin(search))
    }

    fn begin<'h>(&'h self, head: &Head<'h, '_>, peer: Peer) -> Step<Wanted<'h>, Upgrade> {
        let path = without_mount(head.path, &self.path_prefix).unwrap_or(head.path);
        if upgrade::is_wanted(head) {
            let key = path.strip_prefix("/app/");
            let key = key.filter(|key| !key.is_empty() && !key.contains('/'));
            return upgrade::accept(self, head, peer, key);
        }
        if let Some(step) = self.fall_back(head, peer, path) {
            return step;
        }
        Step::Answer(match path {
            "" | "/" => health(head, StatusCode::OK),
            "/ready" if self.node.is_draining() => health(head, StatusCode::SERVICE_UNAVAILABLE),
            "/ready" => health(head, StatusCode::OK),
            _ if path.starts_with("/app/") => upgrade_required(
                "This is a WebSocket endpoint for Pusher clients; back ends use /apps/APP_ID/…\n",
            ),
            _ => return self.begin_call(head, path),
        })
    }

    async fn finish(&self, call: Self::Call<'_>, body: Result<&[u8], BodyError>) -> Answer {
        let call = match call {
            Wanted::Api(call) => call,
            Wanted::Sending(sending) => return self.finish_sending(sending, body),
        };
        let error = match body {
            Ok(body) => {
                let now = self.rules.clock.now();
                return in_time(self.api.finish(&call, body, now)).await;
            }
            Err(BodyError::TooLarge(length)) => ApiError::BodyTooLarge {
                length,
                limit: self.max_body_bytes,
            },
            Err(BodyError::TooSlow) => ApiError::BodyTooSlow {
                seconds: self.body_timeout.as_secs(),
            },
            // The client went away or sent nonsense.
            Err(BodyError::Broken) => ApiError::Json("it could not be read to its end".to_owned()),
        };
        self.api.give_up(&call, &error)
    }

    fn body_terms(&self) -> BodyTerms {
        BodyTerms {
            limit: self.max_body_bytes,
            timeout: self.body_timeout,
        }
    }

    fn requests(&self) -> &Gate {
        &self.requests
    }

    fn go_on(
        self: Arc<Self>,
        upgraded: Box<Upgraded<Stream, Self::Upgrade>>,
    ) -> impl Future<Output = ()> + Send {
        upgrade::go_on(self, upgraded)
    }
}

impl Shared {
    /// A request to the HTTP API: head first, so that only who signed it makes the server keep a
    /// body. `path` is without what precedes every path.
    fn begin_call<'h, U>(&'h self, head: &Head<'h, '_>, path: &str) -> Step<Wanted<'h>, U> {
        let database = self.apps.directory();
        let name = database.and_then(|_| asked_for(path, head.query));
        if name.is_some_and(|name| self.apps.is_unsure_of(name)) {
            return Step::Answer(self.api.unsure());
        }
        let head = foghorn_api::Head {
            method: head.method,
            path: head.path,
            query: head.query,
            content_encoding: head.value("content-encoding"),
        };
        match self.api.begin(&head, Clock::unix_seconds()) {
            Ok(call) => Step::Body(Wanted::Api(call), self.body_terms()),
            Err(answer) => Step::Answer(*answer),
        }
    }
}

/// Gives an answer when it is time for it, or when its publisher has waited long enough.
async fn in_time(Outcome { answer, eased }: Outcome) -> Answer {
    if !eased.is_empty() {
        let all = async {
            for eased in eased {
                eased.await;
            }
        };
        // Boxed: it is rare, and every connection would have room for it.
        let _ = Box::pin(timeout(SLOWDOWN, all)).await;
    }
    answer
}
