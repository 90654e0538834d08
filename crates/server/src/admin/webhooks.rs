//! `/admin/v1/webhooks`: what waits, and what was given up.

use foghorn_api::Answer;
use foghorn_courier::{Backlog, Courier, DeadLetter, Id, Letters};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::body::Members;
use super::params::{Params, bad, number, whole};
use super::refusal::{Refusal, excerpt};
use super::view::{json, nothing, rfc3339, seconds};
use super::{Admin, body};
use crate::clock::Clock;

#[derive(Serialize)]
struct Status {
    apps: Vec<BacklogView>,
}

#[derive(Serialize)]
struct BacklogView {
    app: String,
    waiting: usize,
    /// Seconds.
    oldest_age: Option<u64>,
    dead: usize,
}

#[derive(Serialize)]
struct LetterList {
    dead: Vec<LetterView>,
    next: Option<u64>,
}

#[derive(Serialize)]
struct LetterView {
    id: u64,
    app: String,
    /// Without its query, where people put secrets.
    url: String,
    events: Vec<String>,
    created: String,
    given_up: String,
    attempts: u32,
    reason: String,
}

#[derive(Serialize)]
struct Redelivered {
    redelivered: usize,
}

/// What is told of a webhook's body.
#[derive(Default, Deserialize)]
struct Told {
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    name: String,
}

impl Admin {
    pub(super) fn show_webhooks(&self) -> Result<Answer, Refusal> {
        let apps = self.parts.clerk.courier().map(Courier::status);
        let apps = apps.into_iter().flatten().map(BacklogView::from).collect();
        json(StatusCode::OK, &Status { apps })
    }

    pub(super) async fn list_dead_letters(&self, params: &Params) -> Result<Answer, Refusal> {
        let page = params.page()?;
        let after = page.after.map(|after| {
            let after = whole(after).map(Id);
            after.ok_or_else(|| bad("after", "must be the id of a dead letter"))
        });
        let (app, after) = (params.get("app"), after.transpose()?);
        if app == Some("") {
            return Err(bad(
                "app",
                "is empty; without it, the letters of all are told",
            ));
        }
        let found = match self.parts.clerk.courier() {
            Some(courier) => courier.dead(app, after, page.reach()).await?,
            None => Vec::new(),
        };
        let (found, next) = page.cut(found, |letter| letter.id.0);
        let dead = found.iter().map(LetterView::from).collect();
        json(StatusCode::OK, &LetterList { dead, next })
    }

    pub(super) async fn redeliver(&self, body: &[u8]) -> Result<Answer, Refusal> {
        let letters = letters(&body::object(body)?)?;
        let redelivered = match self.parts.clerk.courier() {
            Some(courier) => courier.redeliver(letters).await,
            None => 0,
        };
        json(StatusCode::OK, &Redelivered { redelivered })
    }

    pub(super) async fn discard_dead_letter(&self, id: &str) -> Result<Answer, Refusal> {
        let discarded = match (whole(id), self.parts.clerk.courier()) {
            (Some(number), Some(courier)) => courier.discard(vec![Id(number)]).await,
            _ => 0,
        };
        match discarded {
            0 => Err(Refusal::NoLetter(excerpt(id))),
            _ => Ok(nothing()),
        }
    }
}

/// Which dead letters a body means.
fn letters(members: &Members) -> Result<Letters, Refusal> {
    body::only(members, &["ids", "app"])?;
    match (members.get("ids"), members.get("app")) {
        (Some(ids), None) => {
            let ids = ids.as_array().filter(|ids| !ids.is_empty());
            let ids = ids.ok_or_else(|| Refusal::unfit("ids", "must be a list that has some"))?;
            let read = |(index, id): (usize, &Value)| {
                let problem = "must be the id of a dead letter";
                let id = number(id).map(Id);
                id.ok_or_else(|| Refusal::unfit(format!("ids[{index}]"), problem))
            };
            let ids: Result<_, _> = ids.iter().enumerate().map(read).collect();
            Ok(Letters::Ids(ids?))
        }
        (None, Some(app)) => {
            let app = app.as_str().filter(|app| !app.is_empty());
            let app = app.ok_or_else(|| Refusal::unfit("app", "must be the id of an app"))?;
            Ok(Letters::Of(app.into()))
        }
        _ => Err(Refusal::unfit("ids", "either ids or app is required")),
    }
}

impl From<Backlog> for BacklogView {
    fn from(backlog: Backlog) -> Self {
        let now = Clock::unix_seconds();
        let age = |since| now.0.saturating_sub(seconds(since).0);
        Self {
            app: backlog.app.to_string(),
            waiting: backlog.waiting,
            oldest_age: backlog.oldest.map(age),
            dead: backlog.dead,
        }
    }
}

impl From<&DeadLetter> for LetterView {
    fn from(letter: &DeadLetter) -> Self {
        let delivery = &letter.delivery;
        let url = &delivery.target.url;
        let told: Told = serde_json::from_slice(&delivery.body).unwrap_or_default();
        let mut events: Vec<_> = told.events.into_iter().map(|event| event.name).collect();
        events.dedup();
        Self {
            id: letter.id.0,
            app: delivery.app.to_string(),
            url: url.split('?').next().unwrap_or_default().to_owned(),
            events,
            created: rfc3339(seconds(delivery.created)),
            given_up: rfc3339(seconds(letter.at)),
            attempts: letter.attempts,
            reason: letter.reason.clone(),
        }
    }
}
