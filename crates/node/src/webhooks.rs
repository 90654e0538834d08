//! What webhooks are to hear of, from where it happens to finished requests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use foghorn_channels::{AppNumber, News};
use foghorn_cluster::{AppId, Ownership};
use foghorn_protocol::{ChannelName, Moment, SocketId};
use foghorn_session::ClientPublish;
use foghorn_webhooks::{
    Batching, Delivery, Departures, Due, Event, Kind, Mark, Pace, Subject, Turn, UnixMillis, Wake,
    plan,
};
use parking_lot::{Mutex, MutexGuard};

use crate::app::App;
use crate::node::Node;

/// About how much is looked at in one turn: the desk of an app is locked meanwhile, and whoever
/// carries the requests takes no more at once.
const PER_TURN: usize = 1_024;

/// Which apps' desks have something to be asked for, and when. Leaf locks.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    woken: Mutex<BTreeSet<AppNumber>>,
    next: Mutex<BTreeMap<AppNumber, Moment>>,
    /// Those for whom there was no room in the last turn; they come before all others.
    queue: Mutex<VecDeque<AppNumber>>,
    /// Held while desks are asked, and while they learn anew who is there: what they know between
    /// is not to be told. Taken before any other lock.
    turn: Mutex<()>,
}

/// What is to be sent and remembered now.
#[derive(Debug, Default)]
pub struct DueWebhooks {
    /// Requests, in the order in which they are to be made.
    pub deliveries: Vec<Delivery>,
    /// What receivers believe after that, by app; to be stored together with the requests.
    pub marks: Vec<(AppId, Mark)>,
    /// When to ask again, even if nothing happens.
    pub next: Option<Moment>,
    /// More is due at once than was to be given in one turn: ask again.
    pub more: bool,
}

/// Somebody there, as receivers were told in a former life of the server.
pub type Told = (AppId, Subject);

impl Rounds {
    /// Has an app asked at the next turn, of which the shell has yet to hear.
    pub(crate) fn wake(&self, app: AppNumber) {
        self.woken.lock().insert(app);
    }

    /// Those to be asked now.
    fn take_due(&self, now: Moment) -> VecDeque<AppNumber> {
        let mut due = std::mem::take(&mut *self.queue.lock());
        let mut others = std::mem::take(&mut *self.woken.lock());
        let next = self.next.lock();
        let ripe = next.iter().filter(|(_, at)| **at <= now);
        others.extend(ripe.map(|(app, _)| *app));
        for app in &due {
            others.remove(app);
        }
        due.extend(others);
        due
    }

    /// Nobody asks desks as long as this is held.
    pub(crate) fn hold(&self) -> MutexGuard<'_, ()> {
        self.turn.lock()
    }

    fn ask_again(&self, app: AppNumber, at: Option<Moment>) {
        let mut next = self.next.lock();
        match at {
            Some(at) => next.insert(app, at),
            None => next.remove(&app),
        };
    }

    fn first(&self) -> Option<Moment> {
        self.next.lock().values().min().copied()
    }
}

impl App {
    /// Notes what happened on one of the app's channels, if a webhook is to hear of it. Called
    /// under the channel's lock.
    pub(crate) fn note(&self, channel: &ChannelName, news: News<'_>) -> Wake {
        let kind = match news {
            News::Occupied | News::Vacated => Kind::ChannelOccupied,
            News::Added(_) | News::Removed(_) => Kind::MemberAdded,
            News::Counted(_) => Kind::SubscriptionCount,
            News::CacheMissed | News::CacheFilled => Kind::CacheMiss,
        };
        if !self.webhooks().follows(kind) {
            return Wake::Nobody;
        }
        let mut desk = self.desk().lock();
        match news {
            News::Occupied => desk.occupied(channel),
            News::Vacated => desk.vacated(channel),
            News::Added(user) => desk.member_added(channel, user),
            News::Removed(user) => desk.member_removed(channel, user),
            News::Counted(count) => desk.counted(channel, count),
            News::CacheMissed => desk.cache_missed(channel),
            News::CacheFilled => {
                desk.cache_filled(channel);
                Wake::Nobody
            }
        }
    }

    /// Notes a client event that was accepted, if a webhook is to hear of it.
    pub(crate) fn note_client_event(&self, sent: &ClientPublish<'_>, socket: SocketId) -> Wake {
        if !self.webhooks().wants_on(Kind::ClientEvent, sent.channel) {
            return Wake::Nobody;
        }
        let event = Event::ClientEvent {
            channel: sent.channel.clone(),
            event: sent.event.into(),
            data: sent.data.into(),
            socket_id: socket,
            user_id: sent.user_id.cloned(),
        };
        self.desk().lock().client_event(event)
    }
}

impl Node {
    /// What webhooks are to hear of by `now`, which is `time` on the wall. `pace` is asked of apps
    /// that have batches.
    pub fn due_webhooks(
        &self,
        now: Moment,
        time: UnixMillis,
        departures: Departures,
        pace: &dyn Fn(&AppId) -> Pace,
    ) -> DueWebhooks {
        let mut apps = self.rounds().take_due(now);
        let mut all = self.collect(&mut apps, time, |app, most, mine| {
            // Before the desk's lock, which publishers wait for.
            let pace = match app.webhooks().batching {
                Batching::Off => Pace::Abreast,
                Batching::Within { .. } => pace(app.id()),
            };
            let turn = Turn {
                now,
                departures,
                pace,
                most,
            };
            app.desk().lock().due(turn, app.webhooks(), mine)
        });
        *self.rounds().queue.lock() = apps;
        if all.more {
            all.next = Some(now);
        }
        all
    }

    /// As [`Node::due_webhooks`], of all apps, and what is held back for a batch or a pause comes
    /// now: for a server that stops. So do departures that wait for their delay, unless they are
    /// kept. To be asked until there is no more.
    pub fn flush_webhooks(
        &self,
        now: Moment,
        time: UnixMillis,
        departures: Departures,
    ) -> DueWebhooks {
        let all = self.apps().all();
        let mut all = all.iter().map(|app| app.number()).collect();
        self.collect(&mut all, time, |app, most, mine| {
            let turn = Turn {
                now,
                departures,
                pace: Pace::Abreast,
                most,
            };
            app.desk().lock().flush(turn, app.webhooks(), mine)
        })
    }

    /// What receivers were told in a former life of this server. Who does not come back in time is
    /// gone, and they hear of that. The time begins when the app is there: its clients cannot come
    /// back before it is.
    pub fn restore_told(&self, told: Vec<Told>) {
        for app in self.apps().restore_told(told) {
            self.wake_desk(&app);
        }
    }

    /// Has the app's desk be asked at the next turn.
    pub(crate) fn wake_desk(&self, app: &App) {
        self.rounds().wake(app.number());
        self.emit(crate::effect::Effect::WebhooksWaiting);
    }

    /// Asks apps until they are through or it is enough for one turn.
    fn collect(
        &self,
        apps: &mut VecDeque<AppNumber>,
        time: UnixMillis,
        decide: impl Fn(&App, usize, &dyn Fn(&ChannelName) -> bool) -> Due,
    ) -> DueWebhooks {
        let _turn = self.rounds().hold();
        let mut all = DueWebhooks::default();
        let ownership = Ownership::new(self.id(), self.view.lock().peers().collect());
        let mut size = 0;
        while size < PER_TURN
            && let Some(number) = apps.pop_front()
        {
            let Some(app) = self.apps().with_number(number) else {
                self.rounds().ask_again(number, None);
                continue;
            };
            let mine = |channel: &ChannelName| ownership.is_mine(app.id(), channel);
            // Each webhook may make a request of each event.
            let webhooks = app.webhooks().webhooks.len().max(1);
            let most = (PER_TURN - size).div_ceil(webhooks);
            let due = decide(&app, most, &mine);
            {
                let mut desk = app.desk().lock();
                self.rounds().ask_again(number, desk.next());
                all.more |= desk.has_more();
                self.metrics()
                    .webhook_events_dropped(app.id(), desk.take_dropped());
            }
            size += webhooks * due.events.len() + due.marks.len();
            let id: &AppId = app.id();
            all.marks
                .extend(due.marks.into_iter().map(|mark| (Arc::clone(id), mark)));
            // Of several keys the oldest signs (webhooks.md §1).
            if let Some(credential) = app.keys().iter().next() {
                let planned = plan(app.webhooks(), id, credential, &due.events, time);
                all.deliveries.extend(planned);
            }
        }
        all.more |= !apps.is_empty();
        all.next = self.rounds().first();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_woken_between_two_turns_is_asked_in_the_second() {
        let rounds = Rounds::default();
        let (first, second, third) = (AppNumber(1), AppNumber(2), AppNumber(3));
        rounds.wake(first);
        rounds.wake(second);
        assert_eq!(rounds.take_due(Moment::default()), [first, second]);
        // There was room for the first one only, which has something to tell again.
        *rounds.queue.lock() = VecDeque::from([second]);
        rounds.wake(first);
        rounds.wake(second);
        rounds.ask_again(third, Some(Moment::default()));
        assert_eq!(rounds.take_due(Moment::default()), [second, first, third]);
        assert_eq!(rounds.take_due(Moment::default()), [third]);
        rounds.ask_again(third, None);
        assert!(rounds.take_due(Moment::default()).is_empty());
    }
}
