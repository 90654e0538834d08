//! A courier, and deliveries for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use foghorn_auth::AppKey;
use foghorn_courier::{Backlog, Courier, DeadLetter, Recovered, Retry, Settings, StoreKind};
use foghorn_protocol::ChannelName;
use foghorn_webhooks::{Class, Delivery, Lane, Target, UnixMillis};
use prometheus::{Registry, TextEncoder};
use tokio::task::JoinHandle;

use crate::receiver::PATIENCE;

/// Tries a delivery four times, without a pause.
pub(crate) fn quick(attempts: u32, _: UnixMillis, now: UnixMillis, _: u64) -> Option<UnixMillis> {
    (attempts < 4).then_some(now)
}

/// Tries a delivery once.
pub(crate) fn once(_: u32, _: UnixMillis, _: UnixMillis, _: u64) -> Option<UnixMillis> {
    None
}

/// Tries it again when the test is long over.
pub(crate) fn tomorrow(_: u32, _: UnixMillis, now: UnixMillis, _: u64) -> Option<UnixMillis> {
    Some(UnixMillis(now.0 + 86_400_000))
}

/// A courier that runs until this is dropped.
pub(crate) struct World {
    pub(crate) courier: Courier,
    pub(crate) recovered: Recovered,
    registry: Registry,
    run: JoinHandle<()>,
}

pub(crate) fn in_memory() -> Settings {
    Settings::new(StoreKind::Memory, Retry::new(quick))
}

impl World {
    pub(crate) fn start(settings: Settings) -> Self {
        let registry = Registry::new();
        let (courier, recovered) = Courier::open(settings, &registry).unwrap();
        let run = tokio::spawn(courier.clone().run());
        Self {
            courier,
            recovered,
            registry,
            run,
        }
    }

    /// Ends it like a process that is killed, except that its last commit is made.
    pub(crate) async fn kill(self) {
        self.run.abort();
        assert!(self.run.await.unwrap_err().is_cancelled());
    }

    pub(crate) fn submit(&self, deliveries: impl IntoIterator<Item = Delivery>) {
        self.courier
            .submit(deliveries.into_iter().collect(), Vec::new());
    }

    /// Waits until nothing is to be sent any more.
    pub(crate) async fn flush(&self) {
        self.courier.flush(PATIENCE).await;
    }

    pub(crate) async fn dead(&self) -> Vec<DeadLetter> {
        self.courier.dead(None, None, 100).await.unwrap()
    }

    pub(crate) fn backlog(&self) -> Option<Backlog> {
        self.courier.status().into_iter().next()
    }

    /// The value of a metric, written with its labels as Prometheus does.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let families = self.registry.gather();
        let text = TextEncoder::new().encode_to_string(&families).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim().parse().unwrap())
    }
}

/// A delivery of the app `shop`, for a channel of its own.
pub(crate) fn delivery(url: &str, channel: &str, body: &str) -> Delivery {
    Delivery {
        app: "shop".into(),
        target: Arc::new(Target {
            url: url.to_owned(),
            headers: vec![("x-env".to_owned(), "prod".to_owned())],
        }),
        lane: Lane::Channel(ChannelName::parse(channel, 200).unwrap()),
        class: Class::State,
        created: UnixMillis(1_760_000_000_123),
        key: AppKey::parse("k7f3d0c1b2a39485").unwrap(),
        signature: format!("signature-of-{body}"),
        body: body.as_bytes().into(),
    }
}

pub(crate) fn client_event(url: &str, channel: &str, body: &str) -> Delivery {
    Delivery {
        class: Class::ClientEvents,
        ..delivery(url, channel, body)
    }
}

/// A new directory that is removed with its content.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("foghorn-carrying-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
