//! What a person may choose, as far as several scenarios share it.

use std::net::{SocketAddr, ToSocketAddrs as _};

use clap::{Args, value_parser};
use foghorn_cli::{
    Address, Failure, OutputArguments, Security, Target, TargetArguments, environment,
};
use serde::Serialize;

use crate::crowd::Plan;
use crate::marker::MARKER_BYTES;
use crate::pace::Pace;
use crate::process::{Process, listener};
use crate::publishers::{Manner, OnBusy, Publishers};
use crate::request::Requests;
use crate::session::Session;
use crate::talk;

/// Publishers that an open-loop run may use for each one that was asked for.
const SPARE: usize = 4;

/// How many connections are on their way at once, if nobody says otherwise.
const HANDSHAKES: usize = 64;

/// The most publishers that a marker has room for.
const MOST_PUBLISHERS: usize = 9_999;

/// The longest time that anything may be told to take, in seconds: a day.
const LONGEST: f64 = 86_400.0;

/// What every scenario needs.
#[derive(Args)]
pub(crate) struct CommonArguments {
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// The server's process, whose CPU time and memory are measured; without it, who listens on
    /// the port of --url on this computer
    #[arg(long, value_name = "PID", help_heading = "Server")]
    pub(crate) pid: Option<u32>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Which subscribers there are.
#[derive(Args, Clone, Copy, Serialize)]
pub(crate) struct CrowdArguments {
    /// How many connections subscribe, each to one channel
    #[arg(short, long, value_name = "NUMBER", default_value_t = 1000, value_parser = at_least_one)]
    pub(crate) connections: usize,
    /// How many connections may be on their way at once
    #[arg(long, value_name = "NUMBER", default_value_t = HANDSHAKES,
          value_parser = at_least_one)]
    pub(crate) handshakes: usize,
    /// Spread the connections over so many processes of their own; each may open only so many
    /// files
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = at_least_one)]
    pub(crate) processes: usize,
}

/// What is published.
#[derive(Args, Clone, Copy, Serialize)]
pub(crate) struct EventArguments {
    /// How many channels get events in turn
    #[arg(short = 'k', long, value_name = "NUMBER", default_value_t = 1,
          value_parser = at_least_one)]
    pub(crate) channels: usize,
    /// How long an event's data is, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 256, value_parser = payload)]
    pub(crate) payload: usize,
    /// How long to measure, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = stretch)]
    pub(crate) seconds: f64,
    /// How long to publish before that, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = duration)]
    pub(crate) warmup: f64,
}

/// Who publishes over the HTTP API, and how fast.
#[derive(Args, Clone, Copy, Serialize)]
pub(crate) struct PublisherArguments {
    /// How many connections publish; each waits for its answer before it publishes again
    #[arg(short, long, value_name = "NUMBER", default_value_t = 16,
          value_parser = value_parser!(u16).range(1..=MOST_PUBLISHERS as i64))]
    pub(crate) publishers: u16,
    /// Send so many requests a second, evenly spaced, in place of as many as are answered; up to
    /// four times as many connections are used if answers are slow
    #[arg(long, value_name = "NUMBER", value_parser = positive)]
    pub(crate) rate: Option<f64>,
    /// What to do about an event that was answered 429 or 503
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = OnBusy::Retry)]
    pub(crate) on_busy: OnBusy,
}

/// Publishers over the HTTP API, and subscribers.
#[derive(Args, Serialize)]
pub(crate) struct LoadArguments {
    #[command(flatten)]
    #[serde(flatten)]
    crowd: CrowdArguments,
    #[command(flatten)]
    #[serde(flatten)]
    publishers: PublisherArguments,
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) events: EventArguments,
    #[command(flatten)]
    #[serde(skip)]
    pub(crate) common: CommonArguments,
}

/// Subscribers alone.
#[derive(Args, Serialize)]
pub(crate) struct ListenArguments {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) crowd: CrowdArguments,
    /// How many channels the connections subscribe to in turn
    #[arg(short = 'k', long, value_name = "NUMBER", default_value_t = 100,
          value_parser = at_least_one)]
    channels: usize,
    #[command(flatten)]
    #[serde(skip)]
    pub(crate) common: CommonArguments,
}

/// The server, as the bench meets it.
pub(crate) struct Server {
    pub(crate) target: Target,
    pub(crate) api: SocketAddr,
    pub(crate) websocket: SocketAddr,
    /// `None` if it is elsewhere or cannot be seen.
    pub(crate) process: Option<Process>,
}

impl CommonArguments {
    /// Finds the server.
    pub(crate) fn resolve(self) -> Result<Server, Failure> {
        let target = self.target.resolve(&environment)?;
        let api = find(&target.addresses.api)?;
        let websocket = find(&target.addresses.websocket)?;
        let here = || {
            let near = websocket.ip().is_loopback();
            near.then(|| listener(websocket.port())).flatten()
        };
        let process = self.pid.or_else(here).map(Process::follow);
        if let (Some(pid), Some(process)) = (self.pid, &process)
            && process.memory().is_none()
        {
            return Err(Failure::usage(format!("--pid {pid}: no such process")));
        }
        Ok(Server {
            target,
            api,
            websocket,
            process,
        })
    }
}

impl Server {
    /// Subscribers of public channels.
    pub(crate) fn plan(&self, crowd: CrowdArguments, channels: usize) -> Plan {
        let address = &self.target.addresses.websocket;
        let key = &self.target.credential.key;
        let path = format!("{}/app/{key}", address.prefix);
        Plan {
            server: self.websocket,
            upgrade: talk::upgrade(&address.authority(), &path),
            first: 0,
            connections: crowd.connections,
            channels,
            prefix: "bench-".to_owned(),
            publishers: 0,
            at_once: crowd.handshakes,
        }
    }

    /// Members of presence channels, the first of which has this number.
    pub(crate) fn members(&self, crowd: CrowdArguments, channels: usize, first: usize) -> Plan {
        Plan {
            prefix: "presence-bench-".to_owned(),
            first,
            ..self.plan(crowd, channels)
        }
    }

    /// Nobody.
    pub(crate) fn nobody(&self, channels: usize) -> Plan {
        self.plan(CrowdArguments::here(0), channels)
    }

    /// What requests with events of `payload` bytes have in common.
    pub(crate) fn requests(&self, payload: usize, batch: Option<usize>) -> Requests {
        let address = &self.target.addresses.api;
        Requests {
            credential: self.target.credential.clone(),
            authority: address.authority(),
            app_path: format!("{}/apps/{}", address.prefix, self.target.app_id),
            prefix: "bench-".to_owned(),
            payload,
            batch,
        }
    }
}

impl LoadArguments {
    /// Publishers and subscribers, none of which is connected yet.
    pub(crate) fn session(self) -> Result<Session, Failure> {
        let server = self.common.resolve()?;
        let channels = self.events.channels;
        let requests = server.requests(self.events.payload, None);
        let manner = self.publishers.manner(channels);
        let publishers = Publishers::new(server.api, requests, manner);
        let plan = server.plan(self.crowd, channels);
        let mut session = Session::new(server, plan, publishers, None)?;
        session.spread(self.crowd.processes)?;
        Ok(session)
    }
}

impl ListenArguments {
    /// Subscribers, none of which is connected yet.
    pub(crate) fn session(self) -> Result<Session, Failure> {
        let server = self.common.resolve()?;
        let plan = server.plan(self.crowd, self.channels);
        let mut session = Session::listening(server, plan, None)?;
        session.spread(self.crowd.processes)?;
        Ok(session)
    }
}

impl CrowdArguments {
    /// So many connections of this process.
    pub(crate) fn here(connections: usize) -> Self {
        Self {
            connections,
            handshakes: HANDSHAKES,
            processes: 1,
        }
    }
}

impl PublisherArguments {
    pub(crate) fn manner(self, channels: usize) -> Manner {
        let asked = usize::from(self.publishers);
        let publishers = match self.rate {
            None => asked,
            Some(_) => (asked * SPARE).min(MOST_PUBLISHERS),
        };
        Manner {
            publishers,
            channels,
            pace: Pace::new(self.rate),
            on_busy: self.on_busy,
        }
    }
}

fn find(address: &Address) -> Result<SocketAddr, Failure> {
    if address.security == Security::Tls {
        let hint = "put the load on the server's plain listener, behind its TLS proxy";
        return Err(Failure::usage("the bench does not speak TLS").hint(hint));
    }
    let found = (address.host.as_str(), address.port).to_socket_addrs();
    let found = found.map_err(|error| Failure::refused(format!("{}: {error}", address.host)))?;
    // A server that listens on one loopback address only is mostly on that of IPv4.
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    let none = || Failure::refused(format!("{} has no address", address.host));
    found.first().copied().ok_or_else(none)
}

pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

fn payload(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(MARKER_BYTES..) => text.parse().map_err(|error| format!("{error}")),
        _ => Err(format!(
            "must be at least {MARKER_BYTES}, the length of the marker that every event carries"
        )),
    }
}

/// Seconds of a stretch that is measured.
pub(crate) fn stretch(text: &str) -> Result<f64, String> {
    duration(text)?;
    positive(text)
}

/// Seconds that something may take, of which there may be none.
pub(crate) fn duration(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=LONGEST).contains(&seconds) => Ok(seconds),
        _ => Err(format!("must be a number of seconds from 0 to {LONGEST}")),
    }
}

pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err("must be a number above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_finite_and_not_absurd() {
        for wrong in ["-1", "nan", "inf", "86401", "1e300", "soon"] {
            assert!(
                duration(wrong).is_err() && stretch(wrong).is_err(),
                "{wrong}"
            );
        }
        assert_eq!(duration("0"), Ok(0.0));
        assert!(stretch("0").is_err());
        assert_eq!(stretch("0.5"), Ok(0.5));
    }

    #[test]
    fn a_payload_has_room_for_the_marker() {
        assert_eq!(payload("40"), Ok(40));
        let said = "must be at least 40, the length of the marker that every event carries";
        assert_eq!(payload("39"), Err(said.to_owned()));
    }
}
