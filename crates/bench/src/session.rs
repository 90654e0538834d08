//! A run against a server: subscribers, publishers, and what both cost.

use foghorn_auth::Credential;
use foghorn_cli::Failure;

use crate::arguments::Server;
use crate::children::Children;
use crate::clock::{self, MILLISECOND, SECOND};
use crate::counts::Counts;
use crate::crowd::{Crowd, Plan};
use crate::engine::{Engine, Owner};
use crate::marker::MARKER_BYTES;
use crate::pace::Pace;
use crate::process::{Memory, Process};
use crate::progress::Progress;
use crate::publishers::{Manner, OnBusy, Publishers};

/// How long a server may take until something moves, in nanoseconds.
const PATIENCE: u64 = 30 * SECOND;

/// How long deliveries may be on their way before they count as lost, in nanoseconds.
const DRAIN: u64 = 5 * SECOND;

/// How often processes are looked at and progress is shown, in nanoseconds.
const LOOK: u64 = 500 * MILLISECOND;

/// How often other processes are asked whether all has arrived, in nanoseconds.
const ASK: u64 = 20 * MILLISECOND;

/// Everything that takes part in a run.
pub(crate) struct Session {
    pub(crate) engine: Engine,
    pub(crate) crowd: Crowd,
    /// Connections of this process that are not counted among the crowd.
    pub(crate) guests: Crowd,
    pub(crate) publishers: Publishers,
    pub(crate) children: Children,
    pub(crate) server: Option<Process>,
    pub(crate) own: Process,
    pub(crate) progress: Progress,
    /// When the next look is due, in nanoseconds.
    look: u64,
}

/// The cost of a stretch of time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// When the stretch began, in nanoseconds.
    pub(crate) begun: u64,
    /// How long it was, in nanoseconds.
    pub(crate) length: u64,
    /// CPU time of the server, in nanoseconds.
    pub(crate) server: u64,
    /// CPU time of the bench, in nanoseconds.
    pub(crate) client: u64,
    /// CPU time of the bench's busiest process, in nanoseconds.
    pub(crate) busiest: u64,
}

/// CPU times at the beginning of a stretch.
pub(crate) struct Mark {
    begun: u64,
    server: u64,
    clients: Vec<u64>,
}

impl Session {
    /// Subscribers of `plan` in so many processes, and publishers.
    pub(crate) fn new(
        server: Server,
        mut plan: Plan,
        publishers: Publishers,
        credential: Option<Credential>,
    ) -> Result<Self, Failure> {
        plan.publishers = plan.publishers.max(publishers.count());
        Ok(Self {
            engine: Engine::new()?,
            guests: Crowd::new(server.nobody(plan.channels), None),
            crowd: Crowd::new(plan, credential),
            publishers,
            children: Children::default(),
            server: server.process,
            own: Process::own(),
            progress: Progress::new(),
            look: 0,
        })
    }

    /// Subscribers of `plan` and nobody who publishes.
    pub(crate) fn listening(
        server: Server,
        plan: Plan,
        credential: Option<Credential>,
    ) -> Result<Self, Failure> {
        let nobody = Manner {
            publishers: 0,
            channels: plan.channels,
            pace: Pace::Closed,
            on_busy: OnBusy::Retry,
        };
        let requests = server.requests(MARKER_BYTES, None);
        let publishers = Publishers::new(server.api, requests, nobody);
        Self::new(server, plan, publishers, credential)
    }

    /// Connects these too, in this process.
    pub(crate) fn invite(&mut self, plan: Plan, credential: Option<Credential>) {
        self.guests = Crowd::new(plan, credential);
    }

    /// Connects so many more to the channels of the crowd, in this process.
    pub(crate) fn invite_more(&mut self, connections: usize) {
        self.invite(self.crowd.plan_more(connections), None);
    }

    /// The server's memory, if its process can be seen.
    pub(crate) fn memory(&self) -> Option<Memory> {
        self.server.as_ref()?.memory()
    }

    /// Ends all connections of subscribers.
    pub(crate) fn close(&mut self) {
        self.crowd.close();
        self.children = Children::default();
    }

    /// Lets so many processes of their own be the crowd.
    pub(crate) fn spread(&mut self, processes: usize) -> Result<(), Failure> {
        if processes > 1 {
            let plan = self.crowd.give_away();
            self.children = Children::start(&plan, processes)?;
        }
        Ok(())
    }

    /// Opens all subscribers.
    pub(crate) fn open(&mut self) -> Result<(), Failure> {
        self.children.open()?;
        while !self.crowd.is_open() || !self.guests.is_open() {
            self.turn(clock::now() + SECOND)?;
            self.crowd.check_progress()?;
            self.guests.check_progress()?;
            self.look(Self::opening);
        }
        self.look(Self::opening);
        self.children.opened()
    }

    /// Lets everybody do their part for so many nanoseconds, then waits until all has arrived or
    /// nothing more does.
    pub(crate) fn load(&mut self, length: u64) -> Result<(), Failure> {
        let now = clock::now();
        let (end, stretch) = (now + length, now..now + length);
        self.publishers.start(stretch.clone());
        self.crowd.start_speech(stretch.clone());
        self.guests.start_churn(stretch);
        while clock::now() < end {
            self.turn(end)?;
            self.look(Self::loading);
        }
        self.publishers.stop();
        self.crowd.stop_speech();
        self.guests.stop_churn();
        self.drain()
    }

    /// How far subscribers are, for people who wait. What other processes have done is known in
    /// the end only.
    fn opening(&self) -> String {
        if self.children.is_empty() {
            let opened = self.crowd.opened() + self.guests.opened();
            format!("{opened} subscribed")
        } else {
            "waiting until all are subscribed".to_owned()
        }
    }

    /// How far the load is, as far as this process knows.
    fn loading(&self) -> String {
        let mut known = Vec::new();
        if self.publishers.count() > 0 {
            let answered = self.publishers.published.requests;
            known.push(format!("{answered} requests answered"));
        }
        if self.children.is_empty() {
            let deliveries = self.crowd.counts().deliveries;
            known.push(format!("{deliveries} events received"));
        }
        known.join(", ")
    }

    fn drain(&mut self) -> Result<(), Failure> {
        let stopped = clock::now();
        while !self.publishers.is_quiet() || !self.guests.is_open() {
            if clock::now() > stopped + PATIENCE {
                let said = "a publish or a subscription has had no answer for 30 s";
                return Err(Failure::refused(said));
            }
            self.turn(clock::now() + SECOND)?;
        }
        let (mut unique, mut since) = (0, clock::now());
        loop {
            let counts = self.counts()?;
            if counts.awaited(self.accepted()) == 0 && self.announced(&counts) {
                return Ok(());
            }
            let heard = counts.unique + counts.added + counts.removed;
            if heard != unique {
                (unique, since) = (heard, clock::now());
            } else if clock::now() > since + DRAIN {
                return Ok(());
            }
            self.turn(clock::now() + ASK)?;
            self.look(|_| "waiting for the last deliveries".to_owned());
        }
    }

    /// How many events were accepted on each channel, from the beginning.
    pub(crate) fn accepted(&self) -> &[u64] {
        let spoken = self.crowd.spoken();
        spoken.unwrap_or(&self.publishers.published.accepted)
    }

    /// Whether the crowd has heard of every guest that left and came back, if it should.
    fn announced(&self, counts: &Counts) -> bool {
        let expected = self.announcements(counts);
        counts.added >= expected && counts.removed >= expected
    }

    /// How often the crowd should have heard that a guest came, and as often that one left.
    pub(crate) fn announcements(&self, counts: &Counts) -> u64 {
        if !self.guests.is_presence() {
            return 0;
        }
        let rejoined = &self.guests.counts().rejoined;
        let expected = counts.live.iter().zip(rejoined);
        expected.map(|(live, rejoined)| live * rejoined).sum()
    }

    /// What all processes have received.
    pub(crate) fn counts(&mut self) -> Result<Counts, Failure> {
        let mut counts = self.crowd.counts().clone();
        for other in self.children.counts()? {
            counts.merge(other);
        }
        Ok(counts)
    }

    /// Begins the window that is measured.
    pub(crate) fn begin(&mut self) -> Result<Mark, Failure> {
        let now = clock::now();
        self.crowd.ledger.begin(now);
        self.guests.ledger.begin(now);
        self.children.begin(now)?;
        self.publishers.begin();
        Ok(self.mark())
    }

    /// Looks at all processes.
    pub(crate) fn mark(&mut self) -> Mark {
        Mark {
            begun: clock::now(),
            server: self.server.as_mut().map_or(0, Process::cpu),
            clients: self.clients(),
        }
    }

    /// What has been used since.
    pub(crate) fn since(&mut self, mark: &Mark) -> Cost {
        let length = clock::now().saturating_sub(mark.begun);
        let server = self.server.as_mut().map_or(0, Process::cpu);
        let clients = self.clients();
        let used = clients.iter().zip(&mark.clients);
        let used = used.map(|(after, before)| after.saturating_sub(*before));
        Cost {
            begun: mark.begun,
            length,
            server: server.saturating_sub(mark.server),
            client: used.clone().sum(),
            busiest: used.max().unwrap_or_default(),
        }
    }

    fn clients(&mut self) -> Vec<u64> {
        let own = std::iter::once(&mut self.own);
        let all = own.chain(self.children.processes());
        all.map(Process::cpu).collect()
    }

    /// Lets guests who stopped reading take what was left for them, until all are closed or they
    /// have had the time for it.
    pub(crate) fn resume_guests(&mut self) -> Result<(), Failure> {
        self.guests.resume_reading();
        let end = clock::now() + DRAIN;
        while self.guests.is_anybody_there() && clock::now() < end {
            self.turn(end)?;
        }
        Ok(())
    }

    /// Waits for so many nanoseconds while connections are looked after.
    pub(crate) fn wait(&mut self, length: u64) -> Result<(), Failure> {
        let end = clock::now() + length;
        while clock::now() < end {
            self.turn(end)?;
            self.look(|_| "waiting".to_owned());
        }
        Ok(())
    }

    /// One turn of everybody, until `until` nanoseconds at most.
    pub(crate) fn turn(&mut self, until: u64) -> Result<(), Failure> {
        let until = until.min(clock::now() + LOOK);
        let owners: &mut [&mut dyn Owner] =
            &mut [&mut self.crowd, &mut self.publishers, &mut self.guests];
        self.engine.turn(owners, until)
    }

    /// Shows progress now and then, and looks at the server's threads, some of which may end.
    fn look(&mut self, progress: impl FnOnce(&Self) -> String) {
        let now = clock::now();
        if now < self.look {
            return;
        }
        self.look = now + LOOK;
        if let Some(server) = &mut self.server {
            server.cpu();
        }
        let text = progress(self);
        self.progress.show(&text);
    }
}
