//! Publishers meet a server that the tests play themselves.

use std::io::Write as _;
use std::net::{Shutdown, TcpListener, TcpStream};

use super::*;
use crate::clock::SECOND;
use crate::engine::Engine;

const ACCEPTED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// A publisher whose first request, which was due a second ago, is on its way.
struct Play {
    engine: Engine,
    publishers: Publishers,
    server: TcpStream,
}

impl Play {
    fn begin() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let manner = Manner {
            publishers: 1,
            channels: 1,
            pace: Pace::Open { per_second: 0.01 },
            on_busy: OnBusy::Retry,
        };
        let server = listener.local_addr().unwrap();
        let mut publishers = Publishers::new(server, Requests::sample(None), manner);
        let now = clock::now();
        publishers.start(now - SECOND..now + SECOND);
        let mut engine = Engine::new().unwrap();
        engine.turn(&mut [&mut publishers], now + SECOND).unwrap();
        Self {
            engine,
            publishers,
            server: listener.accept().unwrap().0,
        }
    }

    /// Goes on until no answer is awaited.
    fn end(&mut self) -> Result<(), Failure> {
        for _ in 0..100 {
            if self.publishers.is_quiet() {
                return Ok(());
            }
            let owners: &mut [&mut dyn Owner] = &mut [&mut self.publishers];
            self.engine.turn(owners, clock::now() + 50 * MILLISECOND)?;
        }
        panic!("there is no answer");
    }
}

#[test]
fn a_connection_that_ends_with_its_answer_is_not_used_again() {
    let mut play = Play::begin();
    play.server.write_all(ACCEPTED).unwrap();
    play.server.shutdown(Shutdown::Write).unwrap();
    play.end().unwrap();
    assert_eq!(play.publishers.published.requests, 1);
    assert!(play.publishers.publishers[0].socket.is_none());
}

#[test]
fn a_connection_that_goes_on_is_used_again() {
    let mut play = Play::begin();
    play.server.write_all(ACCEPTED).unwrap();
    play.end().unwrap();
    assert!(play.publishers.publishers[0].socket.is_some());
}

#[test]
fn a_late_request_is_late_by_its_schedule() {
    let mut play = Play::begin();
    play.server.write_all(ACCEPTED).unwrap();
    play.end().unwrap();
    let Published {
        latency, behind, ..
    } = &play.publishers.published;
    assert!(*behind >= SECOND);
    // In microseconds, as exact as the histogram is.
    assert!(latency.percentiles().unwrap().p50 > 900_000.0);
}

#[test]
fn what_went_wrong_names_the_server() {
    let mut play = Play::begin();
    play.server.shutdown(Shutdown::Write).unwrap();
    let said = play.end().unwrap_err().to_string();
    let server = play.server.local_addr().unwrap();
    let expect = format!("publisher 1 to {server}: closed without an answer");
    assert_eq!(said, expect);
}
