//! From a request to its answer.

use std::sync::Arc;

use bytes::Bytes;
use foghorn_auth::{
    Query, RequestAuthError, SignedBody, SignedHead, percent_decode, verify_head, without_mount,
};
use foghorn_node::{App, AppStatus, Eased, Node};
use foghorn_protocol::{Allowance, Moment, UnixSeconds};
use http::StatusCode;

use crate::answer::Answer;
use crate::error::{ApiError, excerpt};
use crate::options::{Options, Success};
use crate::publish::Publisher;
use crate::respond::{refusal, success, tell_allowance, to_json};
use crate::route::{self, Owner, Route};
use crate::{body, legacy, publish, query, usage, user};

/// What a success says that has nothing to say.
const NOTHING: Bytes = Bytes::from_static(b"{}");

/// The same as soketi says it.
const OK: Bytes = Bytes::from_static(br#"{"ok":true}"#);

/// The HTTP API of a node.
pub struct Api {
    node: Arc<Node>,
    options: Options,
}

/// What a call comes to.
#[derive(Debug)]
pub struct Outcome {
    /// What to say.
    pub answer: Answer,
    /// When to say it: publishers who wait for their answers are slowed down by this, long before
    /// anything has to be refused. Empty where there is no hurry.
    pub eased: Vec<Eased>,
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            eased: Vec::new(),
        }
    }
}

/// What the API needs of a request's head.
#[derive(Clone, Copy, Debug)]
pub struct Head<'h> {
    /// The method, in the case in which it came.
    pub method: &'h str,
    /// The path as received, still percent-encoded.
    pub path: &'h str,
    /// The text after the `?`, still percent-encoded; empty when there is none.
    pub query: &'h str,
    /// The header `Content-Encoding`, if there is one.
    pub content_encoding: Option<&'h [u8]>,
}

/// A request in order as far as its head goes, whose body is still to come.
#[derive(Debug)]
pub struct Call<'h> {
    app: Arc<App>,
    route: Route,
    query: Query<'h>,
    body: SignedBody,
    /// When it came.
    at: UnixSeconds,
}

impl Api {
    /// The API of `node`.
    #[must_use]
    pub fn new(node: Arc<Node>, options: Options) -> Self {
        Self { node, options }
    }

    /// Looks at the head of a request, before its body is read: route, app, signature, status.
    /// Nobody without a secret of the app makes the server read a body.
    ///
    /// # Errors
    /// The complete answer to a request that goes nowhere.
    pub fn begin<'h>(&'h self, head: &Head<'h>, now: UnixSeconds) -> Result<Call<'h>, Box<Answer>> {
        // PHP's batch trigger leaves a configured prefix out, so both forms are served.
        let path = without_mount(head.path, &self.options.mount_prefix).unwrap_or(head.path);
        let routed = route::parse(head.method, path);
        let pattern = routed
            .as_ref()
            .map_or("unknown", |(_, route)| route.pattern());
        let call = routed.and_then(|(owner, route)| {
            let app = self.app(owner, head)?;
            let (query, body) = self.verify(&app, head, now)?;
            refuse_encoding(head)?;
            Ok(Call {
                app,
                route,
                query,
                body,
                at: now,
            })
        });
        call.map_err(|error| Box::new(self.refuse(pattern, &error)))
    }

    /// Answers a call whose body has arrived.
    #[must_use]
    pub fn finish(&self, call: &Call<'_>, body: &[u8], now: Moment) -> Outcome {
        let pattern = call.route.pattern();
        match self.answer(call, body, now) {
            Ok(done) => {
                let metrics = self.node.metrics();
                metrics.api_request(pattern, done.status.as_u16());
                let answer = success(done.status, done.said.unwrap_or(self.nothing()));
                Outcome {
                    answer: match done.allowance {
                        Some(allowance) => tell_allowance(answer, allowance),
                        None => answer,
                    },
                    eased: done.eased,
                }
            }
            Err(error) => self.refuse(pattern, &error).into(),
        }
    }

    /// Answers a call whose body cannot be had.
    #[must_use]
    pub fn give_up(&self, call: &Call<'_>, error: &ApiError) -> Answer {
        self.refuse(call.route.pattern(), error)
    }

    /// Answers a request about an app of which nobody can say now whether it exists.
    #[must_use]
    pub fn unsure(&self) -> Answer {
        self.refuse("unknown", &ApiError::Unsure)
    }

    fn app(&self, owner: Owner<'_>, head: &Head<'_>) -> Result<Arc<App>, ApiError> {
        let apps = self.node.apps();
        match owner {
            Owner::Id(id) => {
                let app = percent_decode(id).and_then(|id| apps.with_id(&id));
                app.ok_or_else(|| ApiError::UnknownApp { id: excerpt(id) })
            }
            Owner::Key => {
                let query = Query::parse(head.query);
                let key = query.get("auth_key");
                let key = key.ok_or(ApiError::Unauthorized(RequestAuthError::MissingKey))?;
                apps.with_key(key).ok_or_else(|| {
                    let key = key.chars().take(64).collect();
                    ApiError::Unauthorized(RequestAuthError::UnknownKey { key })
                })
            }
        }
    }

    /// The query, and what the body has to be, of a request that the app has signed.
    fn verify<'h>(
        &'h self,
        app: &App,
        head: &Head<'h>,
        now: UnixSeconds,
    ) -> Result<(Query<'h>, SignedBody), ApiError> {
        let head = SignedHead {
            method: head.method,
            path: head.path,
            query: head.query,
            mount_prefix: &self.options.mount_prefix,
        };
        let verified = verify_head(app.keys(), &head, now.0).map_err(ApiError::Unauthorized)?;
        match app.status() {
            AppStatus::Enabled => Ok((verified.query, verified.body)),
            AppStatus::Disabled => Err(ApiError::AppDisabled),
        }
    }

    fn answer(&self, call: &Call<'_>, body: &[u8], now: Moment) -> Result<Done, ApiError> {
        call.body.verify(body).map_err(ApiError::Unauthorized)?;
        let (node, app, options) = (&*self.node, &*call.app, &self.options);
        let back_end = Publisher {
            node,
            app,
            at: (now, call.at),
        };
        let query = &call.query;
        let allowance = match call.route.method() {
            "GET" => app.take_read(now).map_err(|exhausted| ApiError::TooFast {
                what: "requests that ask something",
                asked: 1,
                exhausted,
            })?,
            _ => None,
        };
        let done = match &call.route {
            Route::Events => {
                let trigger = body::event(app, body, query)?;
                publish::event(&back_end, trigger)?
            }
            Route::BatchEvents => {
                let triggers = body::batch(app, body)?;
                publish::batch(&back_end, triggers)?
            }
            Route::ChannelEvents(name) => {
                let trigger = legacy::event(app, name, query, body)?;
                let done = publish::event(&back_end, trigger)?;
                Done {
                    status: StatusCode::ACCEPTED,
                    ..done
                }
            }
            Route::Terminate(id) => {
                user::terminate(node, app, id)?;
                Done::saying(None)
            }
            Route::Usage => Done::saying(Some(to_json(&usage::usage(app, call.at))?)),
            Route::Channels => {
                let list = query::channels(node, app, query, options)?;
                Done::saying(Some(to_json(&list)?))
            }
            Route::Channel(name) => {
                let state = query::channel(node, app, (name, query), options, now)?;
                Done::saying(Some(to_json(&state)?))
            }
            Route::Users(name) => {
                let users = query::users(node, app, name, query)?;
                Done::saying(Some(to_json(&users)?))
            }
            Route::Stats(name) => {
                let stats = legacy::stats(node, app, name)?;
                Done::saying(Some(to_json(&stats)?))
            }
        };
        Ok(Done {
            allowance: done.allowance.or(allowance),
            ..done
        })
    }

    /// An answer without a word, as this server words it.
    fn nothing(&self) -> Bytes {
        match self.options.success {
            Success::Ok => OK,
            Success::Empty => NOTHING,
        }
    }

    fn refuse(&self, pattern: &str, error: &ApiError) -> Answer {
        let answer = refusal(error);
        let metrics = self.node.metrics();
        metrics.api_request(pattern, answer.status.as_u16());
        answer
    }
}

/// A call that succeeded.
pub(crate) struct Done {
    pub(crate) status: StatusCode,
    /// JSON, if there is anything to say.
    pub(crate) said: Option<Bytes>,
    pub(crate) eased: Vec<Eased>,
    /// What is left of a limit that it counted against.
    pub(crate) allowance: Option<Allowance>,
}

impl Done {
    /// A call that nobody has to be slowed down for.
    fn saying(said: Option<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            said,
            eased: Vec::new(),
            allowance: None,
        }
    }
}

/// No SDK compresses; reading a compressed body as JSON would only puzzle its sender.
fn refuse_encoding(head: &Head<'_>) -> Result<(), ApiError> {
    match head.content_encoding {
        Some(encoding) if encoding != b"identity" => {
            let encoding = excerpt(&String::from_utf8_lossy(encoding));
            Err(ApiError::Encoding { encoding })
        }
        _ => Ok(()),
    }
}
