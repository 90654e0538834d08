//! Between the node, which decides what webhooks hear, and the courier, which carries it.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result};
use foghorn_cluster::AppId;
use foghorn_config::{AppConfig, Config, WebhookStore};
use foghorn_courier::{Addresses, Courier, RequestSettings, Retry, Settings, StoreKind, Usage};
use foghorn_node::{Day, Departures, DueWebhooks, Node, Pace, UsedToday};
use foghorn_protocol::{Ceiling, Moment};
use foghorn_webhooks::Schedule;
use parking_lot::Mutex;
use prometheus::Registry;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};

use crate::clock::Clock;

/// How long a stop waits for what receivers take (webhooks.md §3).
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long a stop takes to hand over what is known, if the store is slow.
const LAST_TURNS: Duration = Duration::from_secs(5);

/// How often it is stored what apps have used: a crash loses as much of that.
const BOOKKEEPING: Duration = Duration::from_secs(1);

/// The clerk, who asks the node what is due and hands it to the courier. There is a courier as soon
/// as an app has something to remember: servers without webhooks and quotas write no files.
pub(crate) struct Clerk {
    node: Arc<Node>,
    clock: Clock,
    /// Rung by the node.
    bell: Arc<Notify>,
    settings: Settings,
    registry: Registry,
    courier: OnceLock<Courier>,
    /// Held while a courier is hired.
    hiring: Mutex<()>,
    /// Held from the question what is due until that is handed over: nothing is in hand when the
    /// server stops, and the courier gets everything in its order.
    turn: Mutex<()>,
}

/// What is stored of what apps have used.
type Noted = HashMap<Arc<str>, UsedToday>;

/// Whether an app has something to remember.
pub(crate) fn is_needed(app: &AppConfig) -> bool {
    !app.webhooks.is_empty() || app.settings.max_messages_per_day != Ceiling::Unlimited
}

impl Clerk {
    /// The clerk of `node`, whose effects ring `bell`.
    pub(crate) fn new(
        node: Arc<Node>,
        config: &Config,
        (clock, bell): (Clock, Arc<Notify>),
        registry: Registry,
    ) -> Self {
        Self {
            node,
            clock,
            bell,
            settings: settings(config),
            registry,
            courier: OnceLock::new(),
            hiring: Mutex::new(()),
            turn: Mutex::new(()),
        }
    }

    /// Whether a former process has left something to be carried.
    pub(crate) fn has_past(&self) -> bool {
        match &self.settings.store {
            StoreKind::Disk(folder) => foghorn_courier::is_in(folder),
            StoreKind::Memory => false,
        }
    }

    /// The courier, if there is one.
    pub(crate) fn courier(&self) -> Option<&Courier> {
        self.courier.get()
    }

    /// Makes sure that there is a courier, and has the node go on with what it remembers.
    ///
    /// # Errors
    /// The store cannot be opened.
    pub(crate) fn hire(&self) -> Result<&Courier> {
        let _hiring = self.hiring.lock();
        if let Some(courier) = self.courier.get() {
            return Ok(courier);
        }
        let opened = Courier::open(self.settings.clone(), &self.registry);
        let (courier, recovered) = opened.context(
            "webhooks and quotas have to be remembered (server.data_dir says where; \
             webhooks.store = \"memory\" does without)",
        )?;
        let used = recovered.usage.into_iter().map(|usage| UsedToday {
            app: usage.app,
            day: Day(usage.day),
            messages: usage.used,
        });
        let today = Clock::unix_seconds();
        self.node.restore_usage(used.collect(), today);
        self.node.restore_told(recovered.told);
        tokio::spawn(courier.clone().run());
        Ok(self.courier.get_or_init(|| courier))
    }

    /// Forgets what waits for an app that is no more.
    pub(crate) fn forget(&self, app: &str) {
        // Behind what is being handed over.
        let _turn = self.turn.lock();
        if let Some(courier) = self.courier() {
            courier.forget(app.into());
        }
    }

    /// Hands over what is due, whenever something is, for ever.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut next = None;
        let mut bookkeeping = interval(BOOKKEEPING);
        bookkeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut noted = Noted::new();
        loop {
            let timer = async {
                match next {
                    Some(moment) => sleep_until(self.clock.instant(moment)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.bell.notified() => {}
                () = timer => {}
                _ = bookkeeping.tick() => {
                    self.note_usage(&mut noted);
                    continue;
                }
            }
            self.room().await;
            next = self.take_turn();
            // There may be many turns, one after the other, and others have work for this thread.
            yield_now().await;
        }
    }

    /// Waits until the courier can take what a turn gives.
    async fn room(&self) {
        if let Some(courier) = self.courier() {
            courier.room().await;
        }
    }

    /// Hands over what is due; when to do that again.
    fn take_turn(&self) -> Option<Moment> {
        let departures = match self.node.is_draining() {
            true => self.departures_of_a_stop(),
            false => Departures::Told,
        };
        let _turn = self.turn.lock();
        let (now, time) = (self.clock.now(), Clock::unix_millis());
        // Told for all apps together, when the first one with batches asks.
        let behind = OnceCell::new();
        let pace = |app: &AppId| match behind.get_or_init(|| self.behind()).contains(app) {
            true => Pace::Behind,
            false => Pace::Abreast,
        };
        let due = self.node.due_webhooks(now, time, departures, &pace);
        let next = due.next;
        self.submit(due);
        next
    }

    /// The apps of which requests wait.
    fn behind(&self) -> BTreeSet<AppId> {
        let status = self.courier().map(Courier::status).unwrap_or_default();
        let waiting = status.into_iter().filter(|backlog| backlog.waiting > 0);
        waiting.map(|backlog| backlog.app).collect()
    }

    /// The last things to be done, when nobody is connected any more.
    pub(crate) async fn stop(&self) {
        self.finish(LAST_WORDS).await;
    }

    /// The same in a hurry: everything is stored, and nobody waits for receivers.
    pub(crate) async fn stop_at_once(&self) {
        self.finish(Duration::ZERO).await;
    }

    async fn finish(&self, patience: Duration) {
        let Some(courier) = self.courier() else {
            return;
        };
        let turns = async {
            loop {
                self.room().await;
                if !self.take_last_turn() {
                    return;
                }
                yield_now().await;
            }
        };
        // A store that takes nothing must not keep the process.
        if timeout(LAST_TURNS, turns).await.is_err() {
            tracing::warn!("not everything that webhooks should hear was handed over");
        }
        self.note_usage(&mut Noted::new());
        courier.flush(patience).await;
    }

    /// Hands over what is known, also what would have waited; whether there is more of it.
    fn take_last_turn(&self) -> bool {
        let _turn = self.turn.lock();
        let (now, time) = (self.clock.now(), Clock::unix_millis());
        let departures = self.departures_of_a_stop();
        let due = self.node.flush_webhooks(now, time, departures);
        let more = due.more;
        self.submit(due);
        more
    }

    /// What a stop means depends on who remembers it.
    fn departures_of_a_stop(&self) -> Departures {
        match self.settings.store {
            StoreKind::Disk(_) => Departures::Kept,
            StoreKind::Memory => Departures::Told,
        }
    }

    fn submit(&self, due: DueWebhooks) {
        let DueWebhooks {
            deliveries, marks, ..
        } = due;
        match self.courier() {
            Some(courier) => courier.submit(deliveries, marks),
            // Whoever puts an app with webhooks in its place has hired one.
            None if deliveries.is_empty() => {}
            None => tracing::error!(count = deliveries.len(), "nobody carries these webhooks"),
        }
    }

    /// Has it remembered what apps have used, unless that is `noted` already.
    fn note_usage(&self, noted: &mut Noted) {
        let Some(courier) = self.courier() else {
            return;
        };
        let used = self.node.usage().into_iter();
        let used: Noted = used.map(|used| (Arc::clone(&used.app), used)).collect();
        let news = used
            .iter()
            .filter(|(app, used)| noted.get(*app) != Some(used));
        let news = news.map(|(app, used)| Usage {
            app: Arc::clone(app),
            day: used.day.0,
            used: used.messages,
        });
        let news: Vec<_> = news.collect();
        if !news.is_empty() {
            courier.put_usage(news);
        }
        *noted = used;
    }
}

fn settings(config: &Config) -> Settings {
    let webhooks = &config.webhooks;
    Settings {
        requests: RequestSettings {
            timeout: webhooks.timeout,
            connect_timeout: webhooks.connect_timeout,
            addresses: match webhooks.allow_private_addresses {
                true => Addresses::All,
                false => Addresses::Public,
            },
            ca_file: webhooks.ca_file.path().map(Path::to_owned),
        },
        concurrency: webhooks.concurrency,
        ..Settings::new(
            match webhooks.store {
                WebhookStore::Disk => StoreKind::Disk(config.server.data_dir.path().to_owned()),
                WebhookStore::Memory => StoreKind::Memory,
            },
            Retry::from(Schedule::within(webhooks.retry_window)),
        )
    }
}
