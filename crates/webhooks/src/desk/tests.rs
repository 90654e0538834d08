//! One desk, one rule at a time.

mod ends;
mod model;

use super::*;
use crate::{Spec, Webhook};
use foghorn_protocol::SocketId;
use serde_json::{Value, json};

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name, 200).unwrap()
}

fn user(id: &str) -> UserId {
    UserId::parse(id, 128).unwrap()
}

fn at(millis: u64) -> Moment {
    Moment::from_start(Duration::from_millis(millis))
}

fn turn(millis: u64) -> Turn {
    Turn {
        now: at(millis),
        departures: Departures::Told,
        pace: Pace::Abreast,
        most: usize::MAX,
    }
}

fn rules(spec: Value) -> Webhooks {
    let spec: Spec = serde_json::from_value(spec).unwrap();
    Webhooks {
        webhooks: vec![Webhook::new(spec).unwrap()],
        ..Webhooks::default()
    }
}

fn all() -> Webhooks {
    rules(json!({"url": "http://a/"}))
}

fn only(kinds: &[&str]) -> Webhooks {
    rules(json!({"url": "http://a/", "event_types": kinds}))
}

fn client_event(name: &str, number: usize) -> Event {
    Event::ClientEvent {
        channel: channel(name),
        event: format!("client-{number}").into(),
        data: "".into(),
        socket_id: SocketId::from_random(1),
        user_id: None,
    }
}

/// `occupied c`, `added c u`, `count c 3`, ….
fn word(event: &Event) -> String {
    let channel = event.channel();
    match event {
        Event::ChannelOccupied { .. } => format!("occupied {channel}"),
        Event::ChannelVacated { .. } => format!("vacated {channel}"),
        Event::MemberAdded { user_id, .. } => format!("added {channel} {}", user_id.as_str()),
        Event::MemberRemoved { user_id, .. } => format!("removed {channel} {}", user_id.as_str()),
        Event::ClientEvent { event, .. } => format!("{event} {channel}"),
        Event::CacheMiss { .. } => format!("miss {channel}"),
        Event::SubscriptionCount { count, .. } => format!("count {channel} {count}"),
    }
}

fn words(due: &Due) -> Vec<String> {
    due.events.iter().map(word).collect()
}

#[track_caller]
fn check(desk: &mut Desk, now: u64, rules: &Webhooks, expect: &[&str]) -> Vec<Mark> {
    let due = desk.due(turn(now), rules, |_| true);
    assert_eq!(words(&due), expect);
    due.marks
}

impl Desk {
    /// Whether it has forgotten everything.
    fn is_empty(&self) -> bool {
        self.subjects.is_empty()
            && self.counts.is_empty()
            && self.misses.is_empty()
            && self.client_events.is_empty()
            && self.held.is_none()
            && self.cut.is_none()
    }
}

#[test]
fn a_channel_is_occupied_at_once_and_vacated_after_the_delay() {
    let (mut desk, rules, news) = (Desk::default(), all(), channel("news"));
    assert_eq!(desk.occupied(&news), Wake::Shell);
    let told = check(&mut desk, 10, &rules, &["occupied news"]);
    assert_eq!(told, [Mark::Told(channel_subject(&news))]);
    assert_eq!(desk.next(), None);
    assert_eq!(desk.vacated(&news), Wake::Shell);
    assert!(check(&mut desk, 20, &rules, &[]).is_empty());
    assert_eq!(desk.next(), Some(at(3020)));
    check(&mut desk, 3019, &rules, &[]);
    let taken_back = check(&mut desk, 3020, &rules, &["vacated news"]);
    assert_eq!(taken_back, [Mark::TakenBack(channel_subject(&news))]);
    assert!(desk.is_empty());
}

#[test]
fn a_page_reload_sends_nothing_and_wakes_once() {
    let (mut desk, rules) = (Desk::default(), all());
    let (lobby, zoe) = (channel("presence-lobby"), user("zoe"));
    assert_eq!(desk.member_added(&lobby, &zoe), Wake::Shell);
    let both = ["occupied presence-lobby", "added presence-lobby zoe"];
    check(&mut desk, 0, &rules, &both);
    for reload in 1..5 {
        assert_eq!(desk.member_removed(&lobby, &zoe), Wake::Shell);
        assert_eq!(desk.vacated(&lobby), Wake::Nobody);
        check(&mut desk, 3000 * reload, &rules, &[]);
        assert_eq!(desk.occupied(&lobby), Wake::Nobody);
        assert_eq!(desk.member_added(&lobby, &zoe), Wake::Nobody);
        assert_eq!(desk.next(), None);
    }
    check(&mut desk, 90_000, &rules, &[]);
}

#[test]
fn who_comes_and_goes_before_anybody_asks_is_told_of() {
    let (mut desk, rules, news) = (Desk::default(), all(), channel("news"));
    assert_eq!(desk.occupied(&news), Wake::Shell);
    assert_eq!(desk.vacated(&news), Wake::Nobody);
    check(&mut desk, 0, &rules, &["occupied news"]);
    check(&mut desk, 3000, &rules, &["vacated news"]);
    let at_once = Webhooks {
        delay: Duration::ZERO,
        ..rules
    };
    _ = desk.occupied(&news);
    _ = desk.vacated(&news);
    check(
        &mut desk,
        4000,
        &at_once,
        &["occupied news", "vacated news"],
    );
    assert!(desk.is_empty());
}

#[test]
fn a_channel_comes_before_its_members_and_goes_after_them() {
    let (mut desk, rules, lobby) = (Desk::default(), all(), channel("presence-lobby"));
    // Whoever notes the member first has noted the channel.
    _ = desk.member_added(&lobby, &user("b"));
    _ = desk.member_added(&lobby, &user("a"));
    _ = desk.occupied(&lobby);
    let comings = [
        "occupied presence-lobby",
        "added presence-lobby b",
        "added presence-lobby a",
    ];
    check(&mut desk, 0, &rules, &comings);
    _ = desk.member_removed(&lobby, &user("b"));
    check(&mut desk, 1000, &rules, &[]);
    // The shell asks between the two notes, so the channel's delay ends before the member's.
    _ = desk.vacated(&lobby);
    check(&mut desk, 2000, &rules, &[]);
    _ = desk.member_removed(&lobby, &user("a"));
    check(&mut desk, 2001, &rules, &[]);
    check(&mut desk, 4000, &rules, &["removed presence-lobby b"]);
    let goings = ["removed presence-lobby a", "vacated presence-lobby"];
    check(&mut desk, 5000, &rules, &goings);
    assert!(desk.is_empty());
}

#[test]
fn an_empty_channel_is_missed_once() {
    let (mut desk, rules, car) = (Desk::default(), all(), channel("cache-car"));
    for _ in 0..10 {
        _ = desk.cache_missed(&car);
    }
    check(&mut desk, 0, &rules, &["miss cache-car"]);
    _ = desk.cache_missed(&car);
    check(&mut desk, 9_999, &rules, &[]);
    _ = desk.cache_missed(&car);
    check(&mut desk, 10_000, &rules, &["miss cache-car"]);
    desk.cache_filled(&car);
    assert!(desk.is_empty());
    _ = desk.cache_missed(&car);
    check(&mut desk, 10_001, &rules, &["miss cache-car"]);
    assert_eq!(desk.next(), Some(at(20_001)));
    check(&mut desk, 20_001, &rules, &[]);
    assert!(desk.is_empty());
    _ = desk.cache_missed(&car);
    desk.cache_filled(&car);
    check(&mut desk, 20_002, &rules, &["miss cache-car"]);
    assert!(desk.is_empty());
}

#[test]
fn counts_of_a_crowd_are_rare_and_the_last_one_arrives() {
    let (mut desk, rules, news) = (Desk::default(), all(), channel("news"));
    for count in [1, 2, 2, 3] {
        _ = desk.counted(&news, count);
    }
    check(
        &mut desk,
        0,
        &rules,
        &["count news 1", "count news 2", "count news 3"],
    );
    _ = desk.counted(&news, 3);
    check(&mut desk, 1, &rules, &[]);
    for count in [100, 101, 102] {
        _ = desk.counted(&news, count);
    }
    check(&mut desk, 1000, &rules, &["count news 100"]);
    assert_eq!(desk.next(), Some(at(6000)));
    for count in 103..900 {
        _ = desk.counted(&news, count);
        check(&mut desk, 2000, &rules, &[]);
    }
    check(&mut desk, 6000, &rules, &["count news 899"]);
    _ = desk.counted(&news, 900);
    _ = desk.counted(&news, 899);
    check(&mut desk, 6001, &rules, &[]);
    assert_eq!(desk.next(), None);
    _ = desk.counted(&news, 901);
    check(&mut desk, 6002, &rules, &[]);
    _ = desk.counted(&news, 0);
    check(&mut desk, 6003, &rules, &["count news 0"]);
    assert!(desk.is_empty());
    _ = desk.counted(&news, 0);
    assert!(desk.is_empty());
}

#[test]
fn a_desk_nobody_asks_stays_small() {
    let (mut desk, rules, news) = (Desk::default(), all(), channel("news"));
    for number in 0..CLIENT_EVENTS_WAITING + 3 {
        _ = desk.client_event(client_event("private-a", number));
        _ = desk.counted(&news, number as u64 % 50);
        _ = desk.occupied(&news);
        _ = desk.vacated(&news);
        _ = desk.cache_missed(&news);
        desk.cache_filled(&news);
    }
    assert_eq!(desk.take_dropped(), 3);
    assert_eq!(desk.take_dropped(), 0);
    let words = words(&desk.due(turn(0), &rules, |_| true));
    let of = |start: &str| words.iter().filter(|word| word.starts_with(start)).count();
    assert_eq!(of("client-"), CLIENT_EVENTS_WAITING);
    assert_eq!(words[2], "client-3 private-a");
    assert_eq!(of("count news"), 100);
    assert_eq!(words.last().unwrap(), "count news 2");
    assert_eq!((of("occupied"), of("miss"), of("vacated")), (1, 1, 0));
}

#[test]
fn a_restart_looks_like_a_page_reload() {
    let (mut desk, rules) = (Desk::default(), all());
    let (lobby, zoe, kim) = (channel("presence-lobby"), user("zoe"), user("kim"));
    desk.restore([
        channel_subject(&lobby),
        member_subject(&lobby, &zoe),
        member_subject(&lobby, &kim),
        channel_subject(&channel("news")),
    ]);
    // However long it takes until somebody asks.
    check(&mut desk, 90_000, &rules, &[]);
    assert_eq!(desk.next(), Some(at(120_000)));
    assert_eq!(desk.member_added(&lobby, &zoe), Wake::Nobody);
    check(&mut desk, 119_999, &rules, &[]);
    let gone = ["vacated news", "removed presence-lobby kim"];
    check(&mut desk, 120_000, &rules, &gone);
    assert_eq!(desk.next(), None);
}

#[test]
fn what_is_restored_late_has_been_told() {
    let (mut desk, rules, news) = (Desk::default(), all(), channel("news"));
    let old = channel("old");
    for channel in [&news, &old] {
        _ = desk.occupied(channel);
    }
    _ = desk.vacated(&old);
    desk.restore([channel_subject(&news), channel_subject(&old)]);
    check(&mut desk, 0, &rules, &[]);
    check(&mut desk, 3000, &rules, &["vacated old"]);
    assert_eq!(desk.next(), None);
}

#[test]
fn another_node_tells_of_what_is_not_mine() {
    let (mut desk, rules) = (Desk::default(), all());
    let (mine, theirs) = (channel("mine"), channel("theirs"));
    for channel in [&mine, &theirs] {
        _ = desk.occupied(channel);
        _ = desk.counted(channel, 1);
        _ = desk.client_event(client_event(channel.as_str(), 1));
        _ = desk.cache_missed(channel);
    }
    let due = desk.due(turn(0), &rules, |channel| *channel == mine);
    let expect = [
        "occupied mine",
        "miss mine",
        "miss theirs",
        "client-1 mine",
        "client-1 theirs",
        "count mine 1",
    ];
    assert_eq!(words(&due), expect);
    assert_eq!(due.marks, [Mark::Told(channel_subject(&mine))]);
    // The other node is gone when the channel is vacated; this one knows what it had told.
    _ = desk.vacated(&theirs);
    check(&mut desk, 10, &rules, &[]);
    let taken_back = check(&mut desk, 3010, &rules, &["vacated theirs"]);
    assert_eq!(taken_back, [Mark::TakenBack(channel_subject(&theirs))]);
}

#[test]
fn one_half_is_followed_for_the_other() {
    let (mut desk, news) = (Desk::default(), channel("news"));
    let vacated = only(&["channel_vacated"]);
    assert!(vacated.follows(crate::Kind::ChannelOccupied));
    assert!(!vacated.wants_kind(crate::Kind::ChannelOccupied));
    assert!(!vacated.follows(crate::Kind::MemberAdded));
    assert!(!vacated.follows(crate::Kind::CacheMiss));
    _ = desk.occupied(&news);
    let told = check(&mut desk, 0, &vacated, &[]);
    assert_eq!(told, [Mark::Told(channel_subject(&news))]);
    _ = desk.vacated(&news);
    check(&mut desk, 1, &vacated, &[]);
    check(&mut desk, 3001, &vacated, &["vacated news"]);
}

#[test]
fn what_nobody_hears_of_is_forgotten() {
    let (mut desk, lobby, zoe) = (Desk::default(), channel("presence-lobby"), user("zoe"));
    let fill = |desk: &mut Desk| {
        _ = desk.member_added(&lobby, &zoe);
        _ = desk.counted(&lobby, 300);
        _ = desk.client_event(client_event("presence-lobby", 1));
    };
    let elsewhere = rules(json!({
        "url": "http://a/", "filter": {"channel_name_starts_with": "private-"},
    }));
    fill(&mut desk);
    assert!(check(&mut desk, 0, &elsewhere, &[]).is_empty());
    assert!(desk.is_empty());
    fill(&mut desk);
    assert_eq!(desk.due(turn(1), &all(), |_| true).events.len(), 4);
    let taken_back = check(&mut desk, 2, &only(&["channel_vacated"]), &[]);
    assert_eq!(taken_back, [Mark::TakenBack(member_subject(&lobby, &zoe))]);
    // Its filter no longer fits, but the store need not remember it.
    _ = desk.vacated(&lobby);
    check(&mut desk, 3, &elsewhere, &[]);
    let taken_back = check(&mut desk, 3003, &elsewhere, &[]);
    assert_eq!(taken_back, [Mark::TakenBack(channel_subject(&lobby))]);
    assert!(desk.is_empty());
    desk.restore([channel_subject(&lobby)]);
    let taken_back = check(&mut desk, 3004, &Webhooks::default(), &[]);
    assert_eq!(taken_back, [Mark::TakenBack(channel_subject(&lobby))]);
    assert!(desk.is_empty());
}
