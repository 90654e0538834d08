//! Connections that sign in, watch each other and go, for the convergence test: what each believes
//! of the others is the truth in the end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::client::{Client, Letter};
use crate::site::Site;

/// Everybody watches all of these, and so themselves.
const USERS: [&str; 3] = ["v0", "v1", "v2"];

/// Each visitor's site and user: one has two connections on one site, all are on two sites.
pub(crate) const VISITORS: [(usize, &str); 7] = [
    (0, "v0"),
    (0, "v0"),
    (1, "v0"),
    (1, "v1"),
    (2, "v1"),
    (2, "v2"),
    (0, "v2"),
];

/// Somebody who is connected and signed in, or away.
pub(crate) struct Visitor {
    pub(crate) site: usize,
    user: &'static str,
    here: Option<Visit>,
}

struct Visit {
    client: Client,
    /// Who is online, as told so far; empty before anything was told.
    online: BTreeMap<String, bool>,
    events: Vec<String>,
    due: Vec<String>,
}

impl Visitor {
    pub(crate) fn all() -> Vec<Self> {
        let visitor = |(site, user)| Self {
            site,
            user,
            here: None,
        };
        VISITORS.map(visitor).into()
    }

    /// Connects and signs in, or goes.
    pub(crate) fn toggle(&mut self, site: &Site) {
        if self.here.take().is_some() {
            return;
        }
        let visit = Visit {
            client: site.watcher(self.user, &USERS),
            online: BTreeMap::new(),
            events: Vec::new(),
            due: Vec::new(),
        };
        self.here = Some(visit);
        self.read();
        let visit = self.here.as_ref().unwrap();
        assert_eq!(visit.online.len(), USERS.len(), "how it is comes at once");
        assert!(visit.online[self.user], "{} is here", self.user);
    }

    pub(crate) fn leave(&mut self) {
        self.here = None;
    }

    /// The event `data` was published for `user`.
    pub(crate) fn expect(&mut self, user: &str, data: &str) {
        if let Some(visit) = self.here.as_mut().filter(|_| self.user == user) {
            visit.due.push(data.to_owned());
        }
    }

    /// Takes in what has arrived.
    pub(crate) fn read(&mut self) {
        let Some(visit) = &mut self.here else { return };
        for letter in visit.client.letters() {
            match &*letter.event {
                "pusher_internal:watchlist_events" => visit.take_news(&letter),
                "e" => {
                    assert_eq!(letter.channel, format!("#server-to-user-{}", self.user));
                    assert!(!visit.events.contains(&letter.data), "twice: {letter:?}");
                    visit.events.push(letter.data);
                }
                _ => panic!("unexpected {letter:?}"),
            }
        }
    }

    /// After everything has arrived and every delay is over.
    pub(crate) fn check(&self, online: &BTreeSet<&str>) {
        let Some(visit) = &self.here else { return };
        for user in USERS {
            let expect = online.contains(user);
            let (me, site) = (self.user, self.site);
            assert_eq!(
                visit.online[user], expect,
                "{user}, says {me} at site {site}"
            );
        }
        for due in &visit.due {
            assert!(visit.events.contains(due), "{due} is lost");
        }
    }
}

impl Visit {
    fn take_news(&mut self, letter: &Letter) {
        let data: Value = serde_json::from_str(&letter.data).unwrap();
        let is_first = self.online.is_empty();
        for event in data["events"].as_array().unwrap() {
            let now = match event["name"].as_str().unwrap() {
                "online" => true,
                "offline" => false,
                other => panic!("{other}"),
            };
            for user in event["user_ids"].as_array().unwrap() {
                let user = user.as_str().unwrap().to_owned();
                let before = self.online.insert(user, now);
                assert_eq!(before, (!is_first).then_some(!now), "no news: {letter:?}");
            }
        }
    }
}

/// Users with a visitor.
pub(crate) fn online(visitors: &[Visitor]) -> BTreeSet<&'static str> {
    let here = visitors.iter().filter(|visitor| visitor.here.is_some());
    here.map(|visitor| visitor.user).collect()
}

/// Whom a site would say to be online, which is how it tells newcomers.
pub(crate) fn online_at(site: &Site) -> BTreeSet<&'static str> {
    let newcomer = site.watcher("newcomer", &USERS);
    let told = newcomer.take_first();
    assert_eq!(newcomer.heard(), [""; 0]);
    let data: Value = serde_json::from_str(&told.data).unwrap();
    let events = data["events"].as_array().unwrap();
    let online = events.iter().find(|event| event["name"] == "online");
    let is_online = |user: &&str| {
        let user_ids = online.map(|event| event["user_ids"].as_array().unwrap());
        user_ids.is_some_and(|user_ids| user_ids.contains(&json!(user)))
    };
    USERS.into_iter().filter(is_online).collect()
}
