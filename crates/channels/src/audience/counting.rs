//! Telling subscribers how many they are (protocol.md §13).

use foghorn_protocol::ServerMessage;

use super::{Counted, Outlet, State};
use crate::announce::News;
use crate::key::Key;
use crate::op::Matter;
use crate::request::Send;

/// Subscriptions beyond which the number is told now and then only.
const CROWD: u64 = 100;

/// Numbers that are told at once before the next has to wait for its time, too: anybody may come
/// and go without pause on a public channel, and each number goes to everybody.
pub(super) const TOLD_AT_ONCE: u16 = 200;

impl State {
    /// The number of subscriptions has changed.
    pub(super) fn recount(&mut self, key: &Key, outlet: &impl Outlet) {
        if self.counted != Counted::Never {
            outlet.happened(key, News::Counted(self.subscriptions()));
        }
        match self.counted {
            Counted::Never => {}
            // Whoever comes next knows nothing yet.
            Counted::Last(_) if self.here == 0 => self.counted = Counted::Last(0),
            Counted::Last(_) if self.subscriptions() > CROWD || self.told_at_once == 0 => {
                // A newcomer has been told nothing, even if the number comes back to what it was.
                self.counted = Counted::Last(0);
                outlet.count_waits(key);
            }
            Counted::Last(_) => {
                self.told_at_once -= 1;
                self.tell_number(key);
            }
        }
    }

    /// It is time to tell the subscribers their number, unless they know it.
    pub(crate) fn tell_count(&mut self, key: &Key) {
        self.told_at_once = TOLD_AT_ONCE;
        self.tell_number(key);
    }

    fn tell_number(&mut self, key: &Key) {
        let count = self.subscriptions();
        let (Counted::Last(told), Some(channel)) = (self.counted, key.channel()) else {
            return;
        };
        if told == count || self.here == 0 {
            return;
        }
        self.counted = Counted::Last(count);
        let frame = ServerMessage::SubscriptionCount { channel, count }.encode();
        self.append_send(
            Send {
                frame,
                except: None,
            },
            Matter::Count,
        );
    }
}
