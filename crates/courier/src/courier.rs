//! The handle by which everybody else uses this crate.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use foghorn_webhooks::{Class, Delivery, Lane, Mark, Subject};
use parking_lot::Mutex;
use prometheus::Registry;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use crate::clock::{Clock, millis};
use crate::entrance::Entrance;
use crate::ledger::{Backlog, Ledger};
use crate::metrics::{Loss, Metrics};
use crate::post::{AuthoritiesError, Post};
use crate::rounds::Rounds;
use crate::settings::Settings;
use crate::store::{Change, Contents, DeadLetter, Id, Progress, Store, StoreError, Usage, Waiting};
use crate::writer::{Job, PAUSE, Writer};

/// How long a stop waits for the store, which may be failing.
const LAST_COMMIT: Duration = Duration::from_secs(5);

/// Why there is no courier.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be said whom to trust.
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
    /// A metric's name is taken.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// The writer's thread does not start.
    #[error("cannot start the thread that stores webhooks: {0}")]
    Thread(std::io::Error),
}

/// What a former process knew and this one has to go on with.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// What receivers believe to be there, by app.
    pub told: Vec<(Arc<str>, Subject)>,
    /// What apps used of their quotas.
    pub usage: Vec<Usage>,
}

/// Dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Letters {
    /// These.
    Ids(Vec<Id>),
    /// All of an app.
    Of(Arc<str>),
}

/// Takes deliveries and carries them. Clones are handles to the same courier; when the last is
/// dropped, everything submitted has been stored and the store is closed.
#[derive(Clone)]
pub struct Courier {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    store: Arc<Store>,
    ledger: Arc<Mutex<Ledger>>,
    post: Arc<Post>,
    metrics: Metrics,
    entrance: Arc<Entrance>,
    clock: Clock,
    wake: Arc<Notify>,
    /// Changes after each step of whoever sends.
    steps: watch::Sender<()>,
    intake: Mutex<Intake>,
    closing: Arc<AtomicBool>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// Numbers and their order in the writer's queue are given out together.
struct Intake {
    next: Id,
    jobs: Option<Sender<Job>>,
}

impl Courier {
    /// Opens the store and takes over what waits in it. Nothing is sent before [`Courier::run`].
    ///
    /// # Errors
    /// The store or the certificate authorities cannot be read, or a metric is registered already.
    pub fn open(settings: Settings, registry: &Registry) -> Result<(Self, Recovered), OpenError> {
        let post = Arc::new(Post::new(&settings.requests, settings.concurrency)?);
        let (store, contents) = Store::open(&settings.store)?;
        let clock = Clock::start();
        let entrance = Arc::new(Entrance::new(settings.bounds.entrance));
        let ledger = Ledger::new(&settings, Arc::clone(&entrance));
        let ledger = Arc::new(Mutex::new(ledger));
        let metrics = Metrics::register(registry, &ledger, clock)?;
        let Contents {
            waiting,
            dead,
            last,
            told,
            usage,
        } = contents;
        let pending = ledger.lock().load(waiting, dead, clock.now(), &metrics);
        let (jobs, receiver) = channel();
        let writer = Writer {
            store: Arc::new(store),
            ledger,
            metrics,
            entrance,
            clock,
            wake: Arc::new(Notify::new()),
            pause: PAUSE,
            closing: Arc::new(AtomicBool::new(false)),
            noted: AtomicU64::new(0),
        };
        let shared = Shared {
            settings,
            store: Arc::clone(&writer.store),
            ledger: Arc::clone(&writer.ledger),
            post,
            metrics: writer.metrics.clone(),
            entrance: Arc::clone(&writer.entrance),
            clock,
            wake: Arc::clone(&writer.wake),
            steps: watch::Sender::new(()),
            intake: Mutex::new(Intake {
                next: Id(last.0.saturating_add(1)),
                jobs: Some(jobs),
            }),
            closing: Arc::clone(&writer.closing),
            writer: Mutex::new(None),
        };
        let thread = std::thread::Builder::new().name("courier-store".to_owned());
        let thread = thread.spawn(move || writer.run(&receiver, pending));
        *shared.writer.lock() = Some(thread.map_err(OpenError::Thread)?);
        let shared = Arc::new(shared);
        Ok((Self { shared }, Recovered { told, usage }))
    }

    /// Takes deliveries and, in the same commit, what they tell. Returns at once; each is sent as
    /// soon as it is stored. If more comes than can be stored, client events are dropped and
    /// counted, and in the end the rest as well; what was to be told of their channels is not
    /// remembered then. None is dropped while up to 1,024 are submitted at a time, each time after
    /// [`Courier::room`], and the store works.
    pub fn submit(&self, deliveries: Vec<Delivery>, mut marks: Vec<(Arc<str>, Mark)>) {
        if deliveries.is_empty() && marks.is_empty() {
            return;
        }
        let since = self.shared.clock.now();
        let mut intake = self.shared.intake.lock();
        let submitted = deliveries.into_iter().map(|delivery| Waiting {
            id: intake.take_id(),
            since,
            delivery,
            progress: Progress::default(),
        });
        let (waiting, refused) = self.shared.entrance.admit(submitted.collect());
        let mut untold = BTreeSet::new();
        for Delivery {
            app, lane, class, ..
        } in refused.into_iter().map(|one| one.delivery)
        {
            self.shared.metrics.dropped(&app, Loss::EntranceFull, 1);
            if class == Class::State {
                untold.insert((app, lane));
            }
        }
        // What is not told must not be remembered as told.
        if !untold.is_empty() {
            marks.retain(|(app, mark)| {
                let (Mark::Told(subject) | Mark::TakenBack(subject)) = mark;
                let lanes = [Lane::App, Lane::Channel(subject.channel.clone())];
                lanes
                    .map(|lane| (Arc::clone(app), lane))
                    .iter()
                    .all(|key| !untold.contains(key))
            });
        }
        intake.send(vec![Change::Add { waiting, marks }], None);
    }

    /// Waits until [`Courier::submit`] can take 1,024 deliveries. Returns at once while the store
    /// fails: then room would not come, and whoever waited for it would keep everything instead.
    pub async fn room(&self) {
        self.shared.entrance.room().await;
    }

    /// Sends what waits, for ever. One call at a time.
    pub async fn run(self) {
        let shared = &self.shared;
        let rounds = Rounds {
            settings: &shared.settings,
            store: &shared.store,
            ledger: &shared.ledger,
            post: &shared.post,
            metrics: &shared.metrics,
            clock: shared.clock,
            wake: &shared.wake,
            steps: &shared.steps,
        };
        rounds.run(|change| self.change(vec![change])).await;
    }

    /// For a stop: stores what was submitted, then waits for at most `within` while what can be
    /// delivered in that time is, and stores that, too.
    pub async fn flush(&self, within: Duration) {
        self.stored().await;
        let deadline = Instant::now() + within;
        let until = self.shared.clock.now().0.saturating_add(millis(within));
        let until = foghorn_webhooks::UnixMillis(until);
        let mut steps = self.shared.steps.subscribe();
        loop {
            let settled = self.shared.ledger.lock().lanes.settled(until);
            if settled || timeout_at(deadline, steps.changed()).await.is_err() {
                break;
            }
        }
        self.stored().await;
    }

    /// Waits until everything that was submitted is safe.
    async fn stored(&self) {
        let committed = timeout(LAST_COMMIT, self.ask(Vec::new())).await;
        if committed.is_err() {
            tracing::warn!("not all webhooks are stored yet");
        }
    }

    /// Up to `limit` dead letters after `after`, of one app or of all.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn dead(
        &self,
        app: Option<&str>,
        after: Option<Id>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let ids = self.shared.ledger.lock().dead(app, after, limit);
        let store = Arc::clone(&self.shared.store);
        let reading = tokio::task::spawn_blocking(move || store.letters(&ids));
        // It ends early only if the runtime is shut down.
        reading.await.unwrap_or_else(|_| Ok(Vec::new()))
    }

    /// Sends dead letters again, at the end of their lanes and for a whole new window. Returns how
    /// many there were.
    pub async fn redeliver(&self, letters: Letters) -> usize {
        let ids = match letters {
            Letters::Ids(ids) => ids,
            Letters::Of(app) => self.shared.ledger.lock().dead(Some(&app), None, usize::MAX),
        };
        let at = self.shared.clock.now();
        let (reply, made) = oneshot::channel();
        {
            let mut intake = self.shared.intake.lock();
            let new = ids.into_iter().map(|old| Change::Redeliver {
                old,
                new: intake.take_id(),
                at,
            });
            let changes = new.collect();
            intake.send(changes, Some(reply));
        }
        made.await.unwrap_or_default()
    }

    /// Forgets dead letters. Returns how many there were.
    pub async fn discard(&self, ids: Vec<Id>) -> usize {
        self.ask(ids.into_iter().map(Change::Discard).collect())
            .await
    }

    /// Remembers what apps used of their quotas.
    pub fn put_usage(&self, usage: Vec<Usage>) {
        if self.shared.entrance.put_usage(usage) {
            // The writer looks for it.
            self.change(Vec::new());
        }
    }

    /// Forgets what waits for an app and what its receivers were told. Its dead letters stay, and
    /// what it used: it may come back the same day.
    pub fn forget(&self, app: Arc<str>) {
        self.change(vec![Change::Forget(app)]);
    }

    /// What there is of each app that has anything.
    #[must_use]
    pub fn status(&self) -> Vec<Backlog> {
        self.shared.ledger.lock().backlogs()
    }

    fn change(&self, changes: Vec<Change>) {
        self.shared.intake.lock().send(changes, None);
    }

    async fn ask(&self, changes: Vec<Change>) -> usize {
        let (reply, made) = oneshot::channel();
        self.shared.intake.lock().send(changes, Some(reply));
        made.await.unwrap_or_default()
    }
}

impl Intake {
    fn take_id(&mut self) -> Id {
        let id = self.next;
        self.next = Id(id.0.saturating_add(1));
        id
    }

    fn send(&self, changes: Vec<Change>, reply: Option<oneshot::Sender<usize>>) {
        let job = Job { changes, reply };
        if self
            .jobs
            .as_ref()
            .is_none_or(|jobs| jobs.send(job).is_err())
        {
            tracing::error!("the thread that stores webhooks is gone");
        }
    }
}

/// Closes the store: a successor may open it right after.
impl Drop for Shared {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        drop(self.intake.get_mut().jobs.take());
        if let Some(writer) = self.writer.get_mut().take() {
            writer.thread().unpark();
            if writer.join().is_err() {
                tracing::error!("the thread that stores webhooks has panicked");
            }
        }
    }
}
