//! A crowd meets a server that the tests play themselves.

use std::io::Write as _;
use std::net::{Shutdown, TcpListener, TcpStream};

use super::*;
use crate::clock::MILLISECOND;
use crate::engine::Engine;
use crate::pace::Pace;

/// A text frame of a server.
fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    assert!(length < 126);
    [&[0x81, length], text.as_bytes()].concat()
}

fn acknowledgement() -> Vec<u8> {
    frame(r#"{"event":"pusher_internal:subscription_succeeded","channel":"c-0"}"#)
}

/// Connections, and the server's ends of them.
struct Play {
    engine: Engine,
    crowd: Crowd,
    servers: Vec<TcpStream>,
}

impl Play {
    /// So many connections that have been subscribed, with a habit if they are to have one.
    fn begin(connections: usize, habit: Option<(Habit, Pace)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let plan = Plan {
            server: listener.local_addr().unwrap(),
            upgrade: "GET / HTTP/1.1\r\n\r\n".to_owned(),
            first: 0,
            connections,
            channels: 1,
            prefix: "c-".to_owned(),
            publishers: 1,
            at_once: 1,
        };
        let mut play = Self {
            engine: Engine::new().unwrap(),
            crowd: Crowd::new(plan, None),
            servers: Vec::new(),
        };
        if let Some((habit, pace)) = habit {
            play.crowd.prepare_churn(habit, pace);
        }
        let greeting = frame(r#"{"event":"pusher:connection_established","data":"{}"}"#);
        let hello = [
            b"HTTP/1.1 101 A\r\n\r\n".to_vec(),
            greeting,
            acknowledgement(),
        ]
        .concat();
        for number in 1..=connections {
            play.until(|crowd| crowd.subscribers.len() == number)
                .unwrap();
            let (mut server, _) = listener.accept().unwrap();
            server.write_all(&hello).unwrap();
            play.servers.push(server);
        }
        play.until(Crowd::is_open).unwrap();
        play
    }

    /// Goes on until something has happened.
    fn until(&mut self, happened: impl Fn(&Crowd) -> bool) -> Result<(), Failure> {
        for _ in 0..100 {
            if happened(&self.crowd) {
                return Ok(());
            }
            let owners: &mut [&mut dyn Owner] = &mut [&mut self.crowd];
            self.engine.turn(owners, clock::now() + 50 * MILLISECOND)?;
        }
        panic!("it does not happen");
    }

    fn stages(&self) -> Vec<Stage> {
        self.crowd.subscribers.iter().map(|s| s.stage).collect()
    }
}

#[test]
fn a_connection_that_ends_with_its_last_event_is_closed() {
    let mut play = Play::begin(1, None);
    let event = frame("~f:0000:0000000000:00000000000000000001~");
    play.servers[0].write_all(&event).unwrap();
    play.servers[0].shutdown(Shutdown::Write).unwrap();
    play.until(|crowd| crowd.counts().closed == 1).unwrap();
    let Counts {
        deliveries,
        closed_because,
        ..
    } = play.crowd.counts();
    assert_eq!(*deliveries, 1);
    assert_eq!(closed_because.as_deref(), Some("without a close frame"));
}

#[test]
fn visitors_come_one_after_the_other_and_leave_when_acknowledged() {
    let mut play = Play::begin(2, Some((Habit::Visit, Pace::Closed)));
    assert_eq!(play.stages(), [Stage::Away; 2]);
    assert_eq!(play.crowd.counts().live, [0]);
    let now = clock::now();
    play.crowd.start_churn(now..now + 60 * SECOND);
    for (visitor, stages) in [
        (0, [Stage::Subscribing, Stage::Away]),
        (1, [Stage::Away, Stage::Subscribing]),
        (0, [Stage::Subscribing, Stage::Away]),
    ] {
        let comes = |crowd: &Crowd| crowd.stage(visitor) == Some(Stage::Subscribing);
        play.until(comes).unwrap();
        assert_eq!(play.stages(), stages);
        play.servers[visitor].write_all(&acknowledgement()).unwrap();
        play.until(|crowd| crowd.stage(visitor) == Some(Stage::Away))
            .unwrap();
    }
    assert_eq!(play.crowd.counts().rejoined, [3]);
}

#[test]
fn a_visitor_that_is_closed_ends_the_run() {
    let mut play = Play::begin(1, Some((Habit::Visit, Pace::Closed)));
    play.servers[0].write_all(b"\x88\x02\x10\x04").unwrap();
    let failure = play.until(|_| false).unwrap_err();
    assert!(failure.to_string().ends_with("closed: 4100"), "{failure}");
}

#[test]
fn who_returns_leaves_and_comes_in_one_go() {
    let mut play = Play::begin(1, Some((Habit::Return, Pace::Closed)));
    let now = clock::now();
    play.crowd.start_churn(now..now + 60 * SECOND);
    play.until(|crowd| crowd.stage(0) == Some(Stage::Subscribing))
        .unwrap();
    assert_eq!(play.crowd.counts().live, [0]);
    play.crowd.stop_churn();
    play.servers[0].write_all(&acknowledgement()).unwrap();
    play.until(|crowd| crowd.stage(0) == Some(Stage::Subscribed))
        .unwrap();
    assert_eq!(play.crowd.counts().live, [1]);
}
