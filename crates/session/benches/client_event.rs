//! A client event on its way through a session.
#![expect(
    clippy::unwrap_used,
    reason = "a broken benchmark may say so by panicking"
)]

use criterion::Criterion;
use foghorn_auth::{AppKey, Credential, KeyRing, Secret, sign_channel};
use foghorn_protocol::{
    ChannelName, Close, Frame, Limits, Member, Moment, ProtocolVersion, Rate, SocketId, UserId,
};
use foghorn_session::{
    Busy, ClientEvents, ClientPublish, Host, Listening, Policy, Session, SubscribeRefused,
};
use std::hint::black_box;
use std::sync::Arc;

const EVENT: &str =
    r#"{"event":"client-moved","channel":"private-room","data":{"x":103,"y":871,"typing":true}}"#;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let (mut session, mut host) = (session(), Nothing::default());
    criterion.bench_function("session/a client event", |bencher| {
        bencher.iter(|| session.on_text(black_box(EVENT), Moment::default(), &mut host));
    });
    assert!(host.published > 0, "the event is refused");
    criterion.final_summary();
}

/// A session that is subscribed and may send as many events as it likes.
fn session() -> Session {
    let credential = Credential {
        key: AppKey::parse("k7f3d0c1b2a39485").unwrap(),
        secret: Secret::parse("s3cr3t-9f8e7d6c5b4a").unwrap(),
    };
    let socket = SocketId::from_random(1);
    let auth = sign_channel(&credential, socket, "private-room", None);
    let policy = Policy {
        client_events: ClientEvents::Allowed,
        limits: Limits {
            client_events_per_second: Rate::Unlimited,
            ..Limits::default()
        },
        ..Policy::new(KeyRing::new(vec![credential]).unwrap())
    };
    let (now, mut host) = (Moment::default(), Nothing::default());
    let protocol = ProtocolVersion::LATEST;
    let mut session = Session::open(socket, protocol, Arc::new(policy), now, &mut host);
    let data = format!(r#"{{"channel":"private-room","auth":"{auth}"}}"#);
    let subscribe = format!(r#"{{"event":"pusher:subscribe","data":{data}}}"#);
    session.on_text(&subscribe, now, &mut host);
    session
}

/// Surroundings that grant everything and do nothing.
#[derive(Default)]
struct Nothing {
    published: u64,
}

impl Host for Nothing {
    fn send(&mut self, _: Frame) {}

    fn ping(&mut self) {}

    fn close(&mut self, _: Close) {}

    fn subscribe(&mut self, _: &ChannelName, _: Option<Member>) -> Result<(), SubscribeRefused> {
        Ok(())
    }

    fn unsubscribe(&mut self, _: &ChannelName, _: Option<&UserId>) {}

    fn sign_in(&mut self, _: &UserId, _: Frame) -> Result<(), Busy> {
        Ok(())
    }

    fn sign_out(&mut self, _: &UserId) {}

    fn listen(&mut self, _: &UserId, _: Listening, _: Option<Frame>) {}

    fn watch(&mut self, _: &[UserId]) {}

    fn unwatch(&mut self, _: &[UserId]) {}

    fn authorized(&mut self) -> Result<(), Close> {
        Ok(())
    }

    fn publish(&mut self, event: ClientPublish<'_>) -> Result<(), Busy> {
        self.published += 1;
        drop(black_box(event));
        Ok(())
    }
}
