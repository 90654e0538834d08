//! A session and a host that writes down what it is asked for.

use std::sync::Arc;
use std::time::Duration;

use foghorn_auth::{AppKey, Credential, KeyRing, Secret, sign_channel, sign_user};
use foghorn_protocol::{
    ChannelName, Close, Frame, Member, Moment, ProtocolVersion, ServerMessage, SocketId, UserId,
};
use foghorn_session::{
    Busy, ClientEvents, ClientPublish, Host, Listening, Policy, Session, SubscribeRefused,
};

#[derive(Default)]
pub(crate) struct Record {
    /// Messages to the client as they are, everything else in capitals.
    pub(crate) out: Vec<String>,
    pub(crate) full: bool,
    pub(crate) busy: bool,
    /// Why the connection has to go although somebody vouches for it.
    pub(crate) no_place: Option<Close>,
}

impl Record {
    fn say(&mut self, what: impl Into<String>) {
        self.out.push(what.into());
    }
}

fn ids(users: &[UserId]) -> String {
    let ids: Vec<&str> = users.iter().map(UserId::as_str).collect();
    ids.join(" ")
}

impl Host for Record {
    fn send(&mut self, frame: Frame) {
        self.say(String::from_utf8(frame.text().to_vec()).unwrap());
    }

    fn ping(&mut self) {
        self.say("PING");
    }

    fn close(&mut self, close: Close) {
        let (code, reason) = (close.code().number(), close.reason());
        self.say(format!("CLOSE {code} {reason}"));
    }

    fn subscribe(
        &mut self,
        channel: &ChannelName,
        member: Option<Member>,
    ) -> Result<(), SubscribeRefused> {
        if self.full {
            return Err(SubscribeRefused::Full {
                members: 100,
                limit: 100,
            });
        }
        if self.busy {
            return Err(SubscribeRefused::Busy);
        }
        let user = member.map(|Member { user_id, user_info }| match user_info {
            Some(info) => format!(" as {user_id} {info}"),
            None => format!(" as {user_id}"),
        });
        self.say(format!("SUBSCRIBE {channel}{}", user.unwrap_or_default()));
        Ok(())
    }

    fn unsubscribe(&mut self, channel: &ChannelName, user: Option<&UserId>) {
        let user = user.map(|u| format!(" as {u}")).unwrap_or_default();
        self.say(format!("UNSUBSCRIBE {channel}{user}"));
    }

    fn sign_in(&mut self, user: &UserId, greeting: Frame) -> Result<(), Busy> {
        if self.busy {
            return Err(Busy);
        }
        self.say(format!("SIGN IN {user}"));
        self.send(greeting);
        Ok(())
    }

    fn sign_out(&mut self, user: &UserId) {
        self.say(format!("SIGN OUT {user}"));
    }

    fn listen(&mut self, user: &UserId, listening: Listening, notice: Option<Frame>) {
        self.say(match listening {
            Listening::Yes => format!("LISTEN {user}"),
            Listening::No => format!("IGNORE {user}"),
        });
        if let Some(notice) = notice {
            self.send(notice);
        }
    }

    fn watch(&mut self, watchlist: &[UserId]) {
        self.say(format!("WATCH {}", ids(watchlist)));
    }

    fn unwatch(&mut self, watchlist: &[UserId]) {
        self.say(format!("UNWATCH {}", ids(watchlist)));
    }

    fn authorized(&mut self) -> Result<(), Close> {
        self.say("AUTHORIZED");
        self.no_place.clone().map_or(Ok(()), Err)
    }

    fn publish(&mut self, sent: ClientPublish<'_>) -> Result<(), Busy> {
        if self.busy {
            return Err(Busy);
        }
        let ClientPublish {
            channel,
            event,
            data,
            user_id,
            frame,
        } = sent;
        let parts = ServerMessage::Event {
            event,
            channel: channel.as_str(),
            data,
            user_id,
        };
        assert_eq!(parts.encode(), frame, "the parts are those of the frame");
        let text = String::from_utf8_lossy(frame.text());
        self.say(format!("PUBLISH {channel} {text}"));
        Ok(())
    }
}

const SOCKET: (u64, &str) = ((52107 << 32) | 884_321, "52107.884321");

pub(crate) fn credential() -> Credential {
    Credential {
        key: AppKey::parse("k7f3d0c1b2a39485").unwrap(),
        secret: Secret::parse("s3cr3t-9f8e7d6c5b4a").unwrap(),
    }
}

pub(crate) fn policy(client_events: ClientEvents) -> Policy {
    Policy {
        client_events,
        ..Policy::new(KeyRing::new(vec![credential()]).unwrap())
    }
}

pub(crate) struct World {
    pub(crate) session: Session,
    pub(crate) host: Record,
    pub(crate) now: Moment,
}

impl World {
    /// A session that has just been opened, its greeting included.
    pub(crate) fn with(policy: Policy, protocol: &str) -> Self {
        let mut host = Record::default();
        let now = Moment::from_start(Duration::from_secs(1));
        let protocol = ProtocolVersion::parse(protocol).unwrap();
        let socket = SocketId::from_random(SOCKET.0);
        let session = Session::open(socket, protocol, Arc::new(policy), now, &mut host);
        Self { session, host, now }
    }

    pub(crate) fn new() -> Self {
        Self::of(policy(ClientEvents::Allowed))
    }

    pub(crate) fn of(policy: Policy) -> Self {
        let mut world = Self::with(policy, "7");
        world.host.out.clear();
        world
    }

    /// What came of what was done.
    pub(crate) fn out(&mut self) -> Vec<String> {
        std::mem::take(&mut self.host.out)
    }

    /// Feeds one message and returns what came of it.
    pub(crate) fn feed(&mut self, text: &str) -> Vec<String> {
        self.session.on_text(text, self.now, &mut self.host);
        self.out()
    }

    pub(crate) fn check(&mut self, text: &str, expect: &[&str]) {
        assert_eq!(self.feed(text), expect, "{text}");
    }

    pub(crate) fn later(&mut self, millis: u64) {
        self.now = self.now.after(Duration::from_millis(millis));
    }

    pub(crate) fn time_out(&mut self) -> Vec<String> {
        self.session.on_timeout(self.now, &mut self.host);
        self.out()
    }

    pub(crate) fn end(&mut self) -> Vec<String> {
        self.session.end(&mut self.host);
        self.out()
    }
}

pub(crate) fn auth(channel: &str, data: Option<&str>) -> String {
    sign_channel(&credential(), SOCKET.1, channel, data)
}

pub(crate) fn subscribe(channel: &str, auth: &str, data: Option<&str>) -> String {
    let mut message = serde_json::json!({"event": "pusher:subscribe",
        "data": {"channel": channel, "auth": auth}});
    if let Some(data) = data {
        message["data"]["channel_data"] = data.into();
    }
    message.to_string()
}

pub(crate) fn unsubscribe(channel: &str) -> String {
    let message = serde_json::json!({"event": "pusher:unsubscribe", "data": {"channel": channel}});
    message.to_string()
}

/// A sign-in whose signature is right.
pub(crate) fn sign_in(user_data: &str) -> String {
    sign_in_with(&sign_user(&credential(), SOCKET.1, user_data), user_data)
}

pub(crate) fn sign_in_with(auth: &str, user_data: &str) -> String {
    let data = serde_json::json!({"auth": auth, "user_data": user_data});
    serde_json::json!({"event": "pusher:signin", "data": data}).to_string()
}

/// What acknowledges it.
pub(crate) fn signed_in(user_data: &str) -> String {
    let data = serde_json::json!({ "user_data": user_data }).to_string();
    let data = serde_json::to_string(&data).unwrap();
    format!(r#"{{"event":"pusher:signin_success","data":{data}}}"#)
}

pub(crate) fn subscribed(channel: &str) -> String {
    format!(
        r#"{{"event":"pusher_internal:subscription_succeeded","channel":"{channel}","data":"{{}}"}}"#
    )
}

pub(crate) fn error(message: &str) -> String {
    error_of("null", message)
}

pub(crate) fn error_of(code: &str, message: &str) -> String {
    let message = serde_json::to_string(message).unwrap();
    format!(r#"{{"event":"pusher:error","data":{{"code":{code},"message":{message}}}}}"#)
}
