//! Starts attempts when their turn comes and decides what follows from how they end.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foghorn_webhooks::{Delivery, UnixMillis};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::{Id as TaskId, JoinError, JoinSet};

use crate::clock::Clock;
use crate::lanes::Turn;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::post::{Failure, Post};
use crate::settings::Settings;
use crate::store::{Change, Id, Obituary, Progress, Store, StoreError, Waiting};

/// Before another try to read a delivery that could not be read from the store.
const READ_PAUSE: u64 = 1_000;

/// What sending works with.
pub(crate) struct Rounds<'c> {
    pub(crate) settings: &'c Settings,
    pub(crate) store: &'c Arc<Store>,
    pub(crate) ledger: &'c Mutex<Ledger>,
    pub(crate) post: &'c Arc<Post>,
    pub(crate) metrics: &'c Metrics,
    pub(crate) clock: Clock,
    pub(crate) wake: &'c Notify,
    pub(crate) steps: &'c watch::Sender<()>,
}

/// How an attempt ended.
enum Ended {
    /// It was sent.
    Sent(Waiting, Result<(), Failure>),
    /// It is not in the store any more.
    Gone,
    /// The store could not say what to send.
    Unreadable(StoreError),
}

/// Where what is sent comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Memory,
    Store,
}

/// What is under way, and which URLs fail.
#[derive(Default)]
struct State {
    attempts: JoinSet<Ended>,
    turns: HashMap<TaskId, (Turn, Origin)>,
    failing: BTreeSet<String>,
    /// What was last read from the store could not be.
    unreadable: bool,
}

impl Rounds<'_> {
    /// Goes on for ever; `submit` takes changes to the store.
    pub(crate) async fn run(&self, submit: impl Fn(Change)) {
        let mut state = State::default();
        loop {
            self.start(&mut state);
            self.steps.send_replace(());
            let next = self.ledger.lock().lanes.next();
            let pause = next.map(|at| self.clock.until(at));
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
                Some(ended) = state.attempts.join_next_with_id() => {
                    self.end(&mut state, ended, &submit);
                    while let Some(ended) = state.attempts.try_join_next_with_id() {
                        self.end(&mut state, ended, &submit);
                    }
                }
            }
        }
    }

    fn start(&self, state: &mut State) {
        let mut ledger = self.ledger.lock();
        for turn in ledger.lanes.start(self.clock.now()) {
            let warm = ledger.take_warm(turn.id);
            let origin = warm.as_ref().map_or(Origin::Store, |_| Origin::Memory);
            let attempt = attempt(Arc::clone(self.post), Arc::clone(self.store), warm, turn);
            let task = state.attempts.spawn(attempt).id();
            state.turns.insert(task, (turn, origin));
        }
    }

    fn end(
        &self,
        state: &mut State,
        ended: Result<(TaskId, Ended), JoinError>,
        submit: impl Fn(Change),
    ) {
        let (task, ended) = match ended {
            Ok((task, ended)) => (task, Some(ended)),
            Err(error) => (error.id(), None),
        };
        let Some((turn, origin)) = state.turns.remove(&task) else {
            return;
        };
        if let (Origin::Store, Some(ended)) = (origin, &ended) {
            state.note_reading(ended);
        }
        match ended {
            Some(Ended::Sent(waiting, result)) => {
                let delivery = &waiting.delivery;
                self.metrics
                    .attempted(&delivery.app, turn.attempts, &result);
                state.note(delivery, &result);
                let change = match result {
                    Ok(()) => self.taken(turn.id, delivery),
                    Err(failure) => self.failed(turn, delivery, &failure),
                };
                change.into_iter().for_each(submit);
            }
            Some(Ended::Gone) => {
                self.ledger.lock().lanes.done(turn.id);
            }
            Some(Ended::Unreadable(_)) => self.postpone(turn),
            None => {
                tracing::error!("an attempt at a webhook has panicked; it is made again");
                self.postpone(turn);
            }
        }
    }

    fn taken(&self, id: Id, delivery: &Delivery) -> Option<Change> {
        self.metrics.delivered(&delivery.app);
        let known = self.ledger.lock().lanes.done(id);
        known.then_some(Change::Taken(id))
    }

    /// It is tried again, or is dead.
    fn failed(&self, turn: Turn, delivery: &Delivery, failure: &Failure) -> Option<Change> {
        let attempts = turn.attempts.saturating_add(1);
        let now = self.clock.now();
        // Without randomness there is no jitter, but there are retries.
        let random = getrandom::u64().unwrap_or(u64::MAX / 2);
        let next =
            self.settings
                .retry
                .next(turn.failures.saturating_add(1), (turn.since, now), random);
        if let Some(next) = next {
            let progress = Progress { attempts, next };
            let known = self.ledger.lock().lanes.retry(turn.id, progress);
            return known.then_some(Change::Attempted(turn.id, progress));
        }
        if !self.ledger.lock().lanes.done(turn.id) {
            return None;
        }
        self.metrics.failed(&delivery.app);
        tracing::warn!(
            app_id = &*delivery.app,
            url = without_query(&delivery.target.url),
            attempts,
            reason = %failure,
            "a webhook request is given up and kept as a dead letter",
        );
        Some(Change::Dead(Obituary {
            id: turn.id,
            app: Arc::clone(&delivery.app),
            reason: failure.to_string(),
            at: now,
            attempts,
        }))
    }

    fn postpone(&self, turn: Turn) {
        let next = UnixMillis(self.clock.now().0.saturating_add(READ_PAUSE));
        let attempts = turn.attempts;
        let progress = Progress { attempts, next };
        self.ledger.lock().lanes.retry(turn.id, progress);
    }
}

impl State {
    /// Logs when the store begins to be unreadable, and when that is over.
    fn note_reading(&mut self, ended: &Ended) {
        match ended {
            Ended::Unreadable(error) if !self.unreadable => {
                self.unreadable = true;
                tracing::error!(%error, "cannot read stored webhooks; they are tried again");
            }
            Ended::Unreadable(error) => tracing::debug!(%error, "cannot read a stored webhook yet"),
            Ended::Sent(..) | Ended::Gone if self.unreadable => {
                self.unreadable = false;
                tracing::info!("stored webhooks can be read again");
            }
            Ended::Sent(..) | Ended::Gone => {}
        }
    }

    /// Logs when a target begins to fail, and when that is over.
    fn note(&mut self, delivery: &Delivery, result: &Result<(), Failure>) {
        let url = &delivery.target.url;
        let app_id = &*delivery.app;
        match result {
            Ok(()) if self.failing.remove(url) => {
                let url = without_query(url);
                tracing::info!(app_id, url, "a webhook's target takes requests again");
            }
            Err(failure) if !self.failing.contains(url) => {
                self.failing.insert(url.clone());
                let url = without_query(url);
                tracing::warn!(app_id, url, reason = %failure, "a webhook's target fails");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Queries hold tokens more often than not.
fn without_query(url: &str) -> &str {
    url.split_once('?').map_or(url, |(before, _)| before)
}

async fn attempt(post: Arc<Post>, store: Arc<Store>, warm: Option<Waiting>, turn: Turn) -> Ended {
    let waiting = match warm {
        Some(waiting) => waiting,
        None => match read(store, turn.id).await {
            Ok(Some(waiting)) => waiting,
            Ok(None) => return Ended::Gone,
            Err(error) => return Ended::Unreadable(error),
        },
    };
    let number = turn.attempts.saturating_add(1);
    let result = post.send(&waiting.delivery, number).await;
    Ended::Sent(waiting, result)
}

/// It may have to be read from the disk.
async fn read(store: Arc<Store>, id: Id) -> Result<Option<Waiting>, StoreError> {
    let reading = tokio::task::spawn_blocking(move || store.waiting(id));
    // It ends early only if the runtime is shut down.
    reading.await.unwrap_or(Ok(None))
}
