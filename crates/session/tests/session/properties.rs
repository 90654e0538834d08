//! Random inputs: a session asks of its host what a model says, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use foghorn_session::{AuthorizationRule, ClientEvents, Policy, Timing, Watchlists};
use proptest::prelude::*;

use crate::world::{World, auth, policy, sign_in, sign_in_with, subscribe, unsubscribe};

const CHANNELS: [&str; 8] = [
    "a",
    "private-b",
    "my-private-c",
    "presence-d",
    "private-encrypted-e",
    "bad name",
    "#server-to-user-zoe",
    "#server-to-user-bob",
];
const USERS: [&str; 2] = ["zoe", "bob"];
/// Milliseconds to be vouched for.
const TIME: u64 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Papers {
    Good,
    Bad,
    /// In order, for the user who is signed in.
    Nameless,
}

/// How the surroundings answer from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    Yes,
    Full,
    Busy,
}

#[derive(Clone, Debug)]
enum Step {
    Subscribe(&'static str, Papers),
    Unsubscribe(&'static str),
    SignIn(&'static str, Papers),
    Text(String),
    Host(Answers),
    Later(u64),
    End,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let channel = || prop::sample::select(CHANNELS.to_vec());
    let papers = || {
        prop_oneof![
            4 => Just(Papers::Good),
            1 => Just(Papers::Bad),
            2 => Just(Papers::Nameless),
        ]
    };
    let user = prop::sample::select(USERS.to_vec());
    let answers = vec![Answers::Yes, Answers::Yes, Answers::Full, Answers::Busy];
    let step = prop_oneof![
        8 => (channel(), papers()).prop_map(|(c, p)| Step::Subscribe(c, p)),
        5 => channel().prop_map(Step::Unsubscribe),
        3 => (user, papers()).prop_map(|(u, p)| Step::SignIn(u, p)),
        1 => any::<String>().prop_map(Step::Text),
        2 => prop::sample::select(answers).prop_map(Step::Host),
        2 => (1u64..TIME).prop_map(Step::Later),
        1 => Just(Step::End),
    ];
    prop::collection::vec(step, 0..60)
}

/// What the session has asked for, and still wants.
struct Model {
    subscriptions: BTreeMap<&'static str, Option<&'static str>>,
    user: Option<&'static str>,
    user_channel: UserChannel,
    answers: Answers,
    /// Milliseconds that are left to be vouched for, if somebody has to.
    left: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum UserChannel {
    Implied,
    Subscribed,
    Unsubscribed,
}

fn watchlist(user: &str) -> &'static str {
    match user {
        "zoe" => "bob",
        _ => "",
    }
}

fn user_data(user: &str) -> String {
    let watched = watchlist(user);
    let watchlist: Vec<_> = (!watched.is_empty())
        .then_some(watched)
        .into_iter()
        .collect();
    serde_json::json!({"id": user, "watchlist": watchlist}).to_string()
}

impl Model {
    fn new() -> Self {
        Self {
            subscriptions: BTreeMap::new(),
            user: None,
            user_channel: UserChannel::Implied,
            answers: Answers::Yes,
            left: Some(TIME),
        }
    }

    /// What is asked of the host, messages to the client left out.
    fn take(&mut self, step: &Step) -> Vec<String> {
        match step {
            Step::Subscribe(name, papers) => match name.strip_prefix("#server-to-user-") {
                Some(id) => self.subscribe_user(id),
                None => self.subscribe(name, *papers),
            },
            Step::Unsubscribe(name) => match name.strip_prefix("#server-to-user-") {
                Some(id) => self.unsubscribe_user(id),
                None => match self.subscriptions.remove_entry(name) {
                    Some((name, user)) => vec![left(name, user)],
                    None => vec![],
                },
            },
            Step::SignIn(user, papers) => self.sign_in(user, *papers),
            Step::Later(millis) => match self.left {
                Some(left) if left > *millis => {
                    self.left = Some(left - millis);
                    vec![]
                }
                Some(_) => {
                    self.left = None;
                    vec!["CLOSE 4009 Connection not authorized within timeout".to_owned()]
                }
                None => vec![],
            },
            Step::Host(answers) => {
                self.answers = *answers;
                vec![]
            }
            Step::Text(_) => vec![],
            Step::End => self.end(),
        }
    }

    fn subscribe(&mut self, name: &'static str, papers: Papers) -> Vec<String> {
        let authenticated = name.starts_with("private-") || name.starts_with("presence-");
        let user = match (name.starts_with("presence-"), papers) {
            (false, _) => None,
            (true, Papers::Nameless) => self.user,
            (true, _) => Some("eve"),
        };
        let refused = name == "bad name"
            || self.subscriptions.contains_key(name)
            || (authenticated && papers == Papers::Bad)
            || (name.starts_with("presence-") && user.is_none());
        if refused {
            return vec![];
        }
        let mut asked = match authenticated {
            true => self.vouch(),
            false => vec![],
        };
        if self.answers != Answers::Yes {
            return asked;
        }
        if authenticated {
            self.left = None;
        }
        self.subscriptions.insert(name, user);
        let user = user.map(|user| format!(" as {user}")).unwrap_or_default();
        asked.push(format!("SUBSCRIBE {name}{user}"));
        asked
    }

    fn subscribe_user(&mut self, id: &str) -> Vec<String> {
        if self.user != Some(id) {
            return vec![];
        }
        let before = std::mem::replace(&mut self.user_channel, UserChannel::Subscribed);
        match before {
            UserChannel::Unsubscribed => vec![format!("LISTEN {id}")],
            UserChannel::Implied | UserChannel::Subscribed => vec![],
        }
    }

    fn unsubscribe_user(&mut self, id: &str) -> Vec<String> {
        if self.user != Some(id) || self.user_channel == UserChannel::Unsubscribed {
            return vec![];
        }
        self.user_channel = UserChannel::Unsubscribed;
        vec![format!("IGNORE {id}")]
    }

    fn sign_in(&mut self, user: &'static str, papers: Papers) -> Vec<String> {
        if papers == Papers::Bad || self.user.is_some() {
            return vec![];
        }
        let mut asked = self.vouch();
        if self.answers == Answers::Busy {
            return asked;
        }
        self.left = None;
        self.user = Some(user);
        self.user_channel = UserChannel::Implied;
        asked.push(format!("SIGN IN {user}"));
        if !watchlist(user).is_empty() {
            asked.push(format!("WATCH {}", watchlist(user)));
        }
        asked
    }

    /// Somebody vouches for the client.
    fn vouch(&self) -> Vec<String> {
        Vec::from_iter(self.left.map(|_| "AUTHORIZED".to_owned()))
    }

    fn end(&mut self) -> Vec<String> {
        let mut asked = Vec::new();
        if let Some(user) = self.user.take() {
            if !watchlist(user).is_empty() {
                asked.push(format!("UNWATCH {}", watchlist(user)));
            }
            asked.push(format!("SIGN OUT {user}"));
        }
        let subscriptions = std::mem::take(&mut self.subscriptions);
        asked.extend(
            subscriptions
                .into_iter()
                .map(|(name, user)| left(name, user)),
        );
        asked
    }
}

fn left(name: &str, user: Option<&str>) -> String {
    let user = user.map(|user| format!(" as {user}")).unwrap_or_default();
    format!("UNSUBSCRIBE {name}{user}")
}

fn carry_out(world: &mut World, step: &Step) -> Vec<String> {
    match step {
        Step::Subscribe(name, papers) => {
            let presence = name.starts_with("presence-") && *papers != Papers::Nameless;
            let data = presence.then_some(r#"{"user_id":"eve"}"#);
            let auth = match papers {
                Papers::Bad => "k7f3d0c1b2a39485:00".to_owned(),
                Papers::Good | Papers::Nameless => auth(name, data),
            };
            world.feed(&subscribe(name, &auth, data))
        }
        Step::Unsubscribe(name) => world.feed(&unsubscribe(name)),
        Step::SignIn(user, Papers::Bad) => {
            world.feed(&sign_in_with("k7f3d0c1b2a39485:00", &user_data(user)))
        }
        Step::SignIn(user, _) => world.feed(&sign_in(&user_data(user))),
        Step::Text(text) => world.feed(text),
        Step::Host(answers) => {
            world.host.full = *answers == Answers::Full;
            world.host.busy = *answers == Answers::Busy;
            vec![]
        }
        Step::Later(millis) => {
            world.later(*millis);
            world.time_out()
        }
        Step::End => world.end(),
    }
}

fn strict() -> Policy {
    Policy {
        authorization: AuthorizationRule::Within(Duration::from_millis(TIME)),
        watchlists: Watchlists::Served,
        timing: Timing {
            activity_timeout: Duration::from_secs(3_600),
            ..Timing::default()
        },
        ..policy(ClientEvents::Allowed)
    }
}

proptest! {
    /// Any input keeps the session's books equal to what it asked of its host, and whatever the
    /// client says gets an answer: the host's, or a message.
    #[test]
    fn a_session_asks_for_what_the_model_says(steps in steps()) {
        let mut world = World::of(strict());
        let mut model = Model::new();
        for step in steps.iter().chain([&Step::End]) {
            let out = carry_out(&mut world, step);
            let asked: Vec<_> = out.iter().filter(|out| !out.starts_with('{')).cloned().collect();
            prop_assert_eq!(asked, model.take(step), "{:?}", step);
            prop_assert_eq!(world.session.subscriptions(), model.subscriptions.len());
            let said = !matches!(step, Step::Host(_) | Step::Later(_) | Step::End);
            prop_assert!(!said || !out.is_empty(), "no answer to {:?}", step);
        }
    }

    #[test]
    fn no_text_panics(text: String) {
        let _ = World::new().feed(&text);
    }
}
