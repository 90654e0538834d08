//! How many clients come from one address in a second.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use foghorn_protocol::{Bucket, Exhausted, Moment, Rate};
use parking_lot::Mutex;

/// Addresses that are remembered at a time. Those beyond it are let through uncounted: to refuse
/// them would let whoever has so many addresses lock everybody else out.
const ADDRESSES: usize = 100_000;

/// A bucket that nobody has taken from for so long is full, and need not be remembered.
const FILLED_AFTER: Duration = Duration::from_secs(1);

/// Who is counted together: an IPv4 address, or the network of 64 bits that an IPv6 address is in,
/// which is the least that one customer of a provider is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    Address(IpAddr),
    Network(Ipv6Addr),
}

/// What each source may still do in this second.
#[derive(Debug)]
pub(crate) struct Newcomers {
    rate: Rate,
    seen: Mutex<Seen>,
}

/// Two generations: who does not come for one or two of them is forgotten with the older.
#[derive(Debug, Default)]
struct Seen {
    recent: HashMap<Source, Bucket>,
    earlier: HashMap<Source, Bucket>,
    turned: Moment,
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                Self::Network(Ipv6Addr::from_bits(network))
            }
            address => Self::Address(address),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Network(network) => write!(f, "{network}/64"),
        }
    }
}

impl Newcomers {
    /// Nobody has come yet; each source may bring `rate`.
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            seen: Mutex::default(),
        }
    }

    /// Counts a client from `source`.
    ///
    /// # Errors
    /// It is one too many for this second.
    pub(crate) fn count(&self, source: Source, now: Moment) -> Result<(), Exhausted> {
        if self.rate == Rate::Unlimited {
            return Ok(());
        }
        let forgotten;
        let outcome;
        {
            let mut seen = self.seen.lock();
            forgotten = seen.turn(now);
            outcome = match seen.bucket(source, now) {
                Some(bucket) => bucket.take(self.rate, 1, now).map(drop),
                None => Ok(()),
            };
        }
        // Freeing many takes a while, which others need not wait for.
        drop(forgotten);
        outcome
    }
}

impl Seen {
    /// Begins a new generation if it is time; gives the one that is forgotten.
    fn turn(&mut self, now: Moment) -> Option<HashMap<Source, Bucket>> {
        if now.since(self.turned) < FILLED_AFTER {
            return None;
        }
        self.turned = now;
        let earlier = std::mem::take(&mut self.recent);
        Some(std::mem::replace(&mut self.earlier, earlier))
    }

    /// The bucket of `source`; `None` if there is no room to remember one.
    fn bucket(&mut self, source: Source, now: Moment) -> Option<&mut Bucket> {
        let has_room = self.recent.len() < ADDRESSES;
        if !has_room && !self.recent.contains_key(&source) {
            return None;
        }
        let earlier = &mut self.earlier;
        let remembered = || earlier.remove(&source).unwrap_or_else(|| Bucket::full(now));
        Some(self.recent.entry(source).or_insert_with(remembered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_start(Duration::from_millis(millis))
    }

    fn source(address: &str) -> Source {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ] {
            assert_eq!(source(one) == source(other), same, "{one} {other}");
        }
        assert_eq!(source("2001:db8:0:1::1").to_string(), "2001:db8:0:1::/64");
        assert_eq!(source("::ffff:192.0.2.1").to_string(), "192.0.2.1");
    }

    #[test]
    fn each_source_has_its_own_allowance() {
        let newcomers = Newcomers::new(Rate::PerSecond(3));
        let (one, other) = (source("192.0.2.1"), source("192.0.2.2"));
        let come = |source, millis| newcomers.count(source, at(millis));
        for _ in 0..3 {
            assert_eq!(come(one, 5_000), Ok(()));
        }
        let exhausted = come(one, 5_000).unwrap_err();
        assert_eq!((exhausted.limit, exhausted.remaining), (3, 0));
        assert_eq!(come(other, 5_000), Ok(()));
        assert!(come(one, 5_333).is_err());
        assert_eq!(come(one, 5_334), Ok(()));
    }

    #[test]
    fn a_turn_of_generations_fills_nothing() {
        let newcomers = Newcomers::new(Rate::PerSecond(4));
        let one = source("192.0.2.1");
        // A generation begins at 1,000, the next at 2,000.
        assert_eq!(newcomers.count(source("192.0.2.9"), at(1_000)), Ok(()));
        let allowed = |millis| {
            (0..10)
                .take_while(|_| newcomers.count(one, at(millis)).is_ok())
                .count()
        };
        assert_eq!(allowed(1_900), 4);
        assert_eq!(allowed(2_000), 0);
        assert_eq!(allowed(2_250), 1);
        assert_eq!(allowed(9_000), 4);
    }

    #[test]
    fn who_does_not_come_is_forgotten() {
        let newcomers = Newcomers::new(Rate::PerSecond(1));
        for n in 0..50 {
            let address = IpAddr::from([192, 0, 2, n]);
            assert_eq!(newcomers.count(address.into(), at(1_000)), Ok(()));
        }
        for millis in [2_000, 3_000] {
            assert_eq!(newcomers.count(source("192.0.2.99"), at(millis)), Ok(()));
        }
        let seen = newcomers.seen.lock();
        assert_eq!((seen.recent.len(), seen.earlier.len()), (1, 0));
    }

    #[test]
    fn strangers_pass_where_there_is_no_room() {
        let newcomers = Newcomers::new(Rate::PerSecond(1));
        let known = source("192.0.2.1");
        assert_eq!(newcomers.count(known, at(0)), Ok(()));
        for n in 0..u32::try_from(ADDRESSES).unwrap() {
            let stranger = IpAddr::from((0x0a00_0000 + n).to_be_bytes());
            assert_eq!(newcomers.count(stranger.into(), at(0)), Ok(()));
        }
        assert_eq!(newcomers.seen.lock().recent.len(), ADDRESSES);
        for _ in 0..2 {
            assert_eq!(newcomers.count(source("192.0.2.2"), at(0)), Ok(()));
        }
        assert!(newcomers.count(known, at(0)).is_err());
    }

    #[test]
    fn without_a_limit_nobody_is_remembered() {
        let newcomers = Newcomers::new(Rate::Unlimited);
        assert_eq!(newcomers.count(source("192.0.2.1"), at(0)), Ok(()));
        assert_eq!(newcomers.seen.lock().recent.len(), 0);
    }
}
