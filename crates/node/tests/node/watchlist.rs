//! Who of a watchlist is online, and who comes and goes (protocol.md §9.3), in virtual time.

use std::sync::Arc;
use std::time::Duration;

use foghorn_session::Watchlists;
use serde_json::json;

use crate::client::Client;
use crate::site::{OFFLINE_DELAY, SUSPECT_AFTER, Setup, Site, TWO};
use crate::world::World;

fn served() -> Setup {
    Setup {
        rules: |app| Arc::make_mut(&mut app.policy).watchlists = Watchlists::Served,
        ..Setup::default()
    }
}

/// What watchers are told.
fn news(online: &[&str], offline: &[&str]) -> String {
    let both = [("online", online), ("offline", offline)];
    let events: Vec<_> = both
        .into_iter()
        .filter(|(_, user_ids)| !user_ids.is_empty())
        .map(|(name, user_ids)| json!({ "name": name, "user_ids": user_ids }))
        .collect();
    format!(
        "pusher_internal:watchlist_events  {}",
        json!({ "events": events })
    )
}

/// What is due by now happens.
fn look(world: &mut World, after: Duration) {
    world.wait(after);
    for site in &world.sites {
        site.node.look_at_users(world.now());
    }
    world.settle();
}

const MILLI: Duration = Duration::from_millis(1);

#[test]
fn first_how_it_is_then_what_changes() {
    let mut world = World::with(1, served());
    let _zoe = world.sites[0].signed_in("zoe");
    let ann = world.sites[0].watcher("ann", &["zoe", "bob"]);
    assert_eq!(ann.heard(), [news(&["zoe"], &["bob"])]);
    let first = world.sites[0].signed_in("bob");
    world.settle();
    assert_eq!(ann.heard(), [news(&["bob"], &[])]);
    // Neither the second connection nor the last but one is news, nor who is on no list.
    let second = world.sites[0].signed_in("bob");
    drop(world.sites[0].signed_in("cem"));
    drop(first);
    look(&mut world, 2 * OFFLINE_DELAY);
    assert_eq!(ann.heard(), [""; 0]);
    drop(second);
    world.settle();
    look(&mut world, OFFLINE_DELAY - MILLI);
    assert_eq!(ann.heard(), [""; 0]);
    look(&mut world, MILLI);
    assert_eq!(ann.heard(), [news(&[], &["bob"])]);
    look(&mut world, 10 * OFFLINE_DELAY);
    assert_eq!(ann.heard(), [""; 0]);
}

#[test]
fn only_who_is_there_or_only_who_is_not() {
    let world = World::with(1, served());
    let _zoe = world.sites[0].signed_in("zoe");
    let [online, offline, nobody] = [&["zoe"][..], &["x", "y"], &[]]
        .map(|watchlist| world.sites[0].watcher("ann", watchlist).heard());
    assert_eq!(online, [news(&["zoe"], &[])]);
    assert_eq!(offline, [news(&[], &["x", "y"])]);
    assert_eq!(nobody, [""; 0]);
}

#[test]
fn whoever_reloads_a_page_was_never_away() {
    let mut world = World::with(1, served());
    let ann = world.sites[0].watcher("ann", &["zoe"]);
    let mut zoe = world.sites[0].signed_in("zoe");
    world.settle();
    assert_eq!(ann.heard(), [news(&[], &["zoe"]), news(&["zoe"], &[])]);
    for _ in 0..3 {
        drop(zoe);
        world.settle();
        look(&mut world, OFFLINE_DELAY - MILLI);
        zoe = world.sites[0].signed_in("zoe");
        world.settle();
        look(&mut world, MILLI);
        assert_eq!(ann.heard(), [""; 0]);
    }
    // The delay begins anew with each time.
    drop(zoe);
    world.settle();
    look(&mut world, OFFLINE_DELAY - MILLI);
    assert_eq!(ann.heard(), [""; 0]);
    look(&mut world, MILLI);
    assert_eq!(ann.heard(), [news(&[], &["zoe"])]);
}

/// Between two looks, all that counts is how it is in the end.
#[test]
fn who_is_gone_and_back_before_anybody_looks_was_never_away() {
    let mut world = World::with(
        1,
        Setup {
            offline_delay: Duration::ZERO,
            ..served()
        },
    );
    let ann = world.sites[0].watcher("ann", &["zoe"]);
    ann.letters();
    let zoe = world.sites[0].signed_in("zoe");
    world.settle();
    assert_eq!(ann.heard(), [news(&["zoe"], &[])]);
    drop(zoe);
    let zoe = world.sites[0].signed_in("zoe");
    world.settle();
    assert_eq!(ann.heard(), [""; 0]);
    drop(zoe);
    drop(world.sites[0].signed_in("zoe"));
    world.settle();
    assert_eq!(ann.heard(), [news(&[], &["zoe"])]);
}

#[test]
fn without_a_delay_it_is_told_at_once() {
    let mut world = World::with(
        2,
        Setup {
            offline_delay: Duration::ZERO,
            ..served()
        },
    );
    let ann = world.sites[0].watcher("ann", &["zoe"]);
    ann.letters();
    for site in [0, 1] {
        let zoe = world.sites[site].signed_in("zoe");
        world.settle();
        assert_eq!(ann.heard(), [news(&["zoe"], &[])]);
        drop(zoe);
        world.settle();
        assert_eq!(ann.heard(), [news(&[], &["zoe"])]);
    }
}

#[test]
fn a_user_may_watch_itself() {
    let mut world = World::with(1, served());
    let first = world.sites[0].watcher("ann", &["zoe", "ann"]);
    assert_eq!(first.heard(), [news(&["ann"], &["zoe"])]);
    let second = world.sites[0].watcher("ann", &["ann"]);
    assert_eq!(second.heard(), [news(&["ann"], &[])]);
    drop(second);
    world.settle();
    look(&mut world, OFFLINE_DELAY);
    assert_eq!(first.heard(), [""; 0]);
    drop(first);
    world.settle();
    // Still told to be online when the next one comes, who then stays.
    let third = world.sites[0].watcher("ann", &["ann"]);
    assert_eq!(third.heard(), [news(&["ann"], &[])]);
    look(&mut world, OFFLINE_DELAY);
    assert_eq!(third.heard(), [""; 0]);
}

#[test]
fn every_connection_of_every_watcher_hears_it_once() {
    let mut world = World::with(1, served());
    let mut watchers: Vec<Client> = [
        ("ann", &["zoe", "bob"][..]),
        ("ann", &["zoe"]),
        ("cem", &["zoe"]),
    ]
    .map(|(user, watchlist)| world.sites[0].watcher(user, watchlist))
    .into();
    let stranger = world.sites[0].watcher("eve", &["bob"]);
    for watcher in watchers.iter().chain([&stranger]) {
        watcher.letters();
    }
    let zoe = world.sites[0].signed_in("zoe");
    world.settle();
    for watcher in &watchers {
        assert_eq!(watcher.heard(), [news(&["zoe"], &[])]);
    }
    let gone = watchers.remove(0);
    let letters = std::sync::Arc::clone(&gone.letters);
    drop(gone);
    drop(zoe);
    world.settle();
    look(&mut world, OFFLINE_DELAY);
    for watcher in &watchers {
        assert_eq!(watcher.heard(), [news(&[], &["zoe"])]);
    }
    assert!(letters.is_empty());
    assert_eq!(stranger.heard(), [""; 0]);
}

/// What the others have yet to hear is part of what a newcomer is told first.
#[test]
fn a_newcomer_hears_nothing_twice() {
    let mut world = World::with(1, served());
    let old = world.sites[0].watcher("ann", &["zoe"]);
    old.letters();
    let zoe = world.sites[0].signed_in("zoe");
    // Nobody has looked yet.
    let new = world.sites[0].watcher("bob", &["zoe"]);
    world.settle();
    assert_eq!(new.heard(), [news(&["zoe"], &[])]);
    assert_eq!(old.heard(), [news(&["zoe"], &[])]);
    drop(zoe);
    world.settle();
    look(&mut world, OFFLINE_DELAY - MILLI);
    // Who is about to be gone is still there for everybody.
    let newest = world.sites[0].watcher("cem", &["zoe"]);
    assert_eq!(newest.heard(), [news(&["zoe"], &[])]);
    look(&mut world, MILLI);
    for watcher in [&old, &new, &newest] {
        assert_eq!(watcher.heard(), [news(&[], &["zoe"])]);
    }
}

#[test]
fn online_is_online_anywhere() {
    let mut world = World::with(3, served());
    let watchers = [0, 1].map(|site| {
        let watcher = world.sites[site].watcher("ann", &["zoe"]);
        assert_eq!(watcher.heard(), [news(&[], &["zoe"])]);
        watcher
    });
    let on_b = world.sites[1].signed_in("zoe");
    world.settle();
    let on_c = world.sites[2].signed_in("zoe");
    world.settle();
    for watcher in &watchers {
        assert_eq!(watcher.heard(), [news(&["zoe"], &[])]);
    }
    let late = world.sites[0].watcher("late", &["zoe", "ann"]);
    assert_eq!(late.heard(), [news(&["zoe", "ann"], &[])]);
    drop(on_b);
    world.settle();
    look(&mut world, 2 * OFFLINE_DELAY);
    for watcher in &watchers {
        assert_eq!(watcher.heard(), [""; 0]);
    }
    drop(on_c);
    world.settle();
    look(&mut world, OFFLINE_DELAY);
    for watcher in watchers.iter().chain([&late]) {
        assert_eq!(watcher.heard(), [news(&[], &["zoe"])]);
    }
}

#[test]
fn whoever_was_on_a_node_that_falls_silent_goes_offline() {
    let mut world = World::with(2, served());
    let ann = world.sites[0].watcher("ann", &["zoe"]);
    let _zoe = world.sites[1].signed_in("zoe");
    world.second();
    ann.letters();
    let silence = SUSPECT_AFTER + OFFLINE_DELAY;
    for _ in 1..silence.as_secs() {
        world.second_of(&[0]);
        assert_eq!(ann.heard(), [""; 0]);
    }
    world.second_of(&[0]);
    assert_eq!(ann.heard(), [news(&[], &["zoe"])]);
    // It was alive all the time.
    world.second();
    assert_eq!(ann.heard(), [news(&["zoe"], &[])]);
}

#[test]
fn whoever_moves_from_a_node_that_goes_stays_online() {
    let mut world = World::with(3, served());
    let ann = world.sites[0].watcher("ann", &["zoe", "bob"]);
    let _users = ["zoe", "bob"].map(|user| world.sites[1].signed_in(user));
    world.second();
    ann.letters();
    world.sites[1].node.say_goodbye();
    world.settle();
    let _zoe = world.sites[2].signed_in("zoe");
    world.settle();
    for _ in 1..OFFLINE_DELAY.as_secs() {
        world.second_of(&[0, 2]);
        assert_eq!(ann.heard(), [""; 0]);
    }
    world.second_of(&[0, 2]);
    assert_eq!(ann.heard(), [news(&[], &["bob"])]);
}

#[test]
fn ticks_are_enough_for_the_delay_to_end() {
    let mut world = World::with(1, served());
    let ann = world.sites[0].watcher("ann", &["zoe"]);
    ann.letters();
    let zoe = world.sites[0].signed_in("zoe");
    world.settle();
    assert_eq!(ann.heard(), [news(&["zoe"], &[])]);
    drop(zoe);
    world.settle();
    for _ in 1..OFFLINE_DELAY.as_secs() {
        world.second();
        assert_eq!(ann.heard(), [""; 0]);
    }
    world.second();
    assert_eq!(ann.heard(), [news(&[], &["zoe"])]);
}

#[test]
fn apps_do_not_watch_each_other_and_an_app_may_ignore_watchlists() {
    let mut world = World::with(1, served());
    let site = &world.sites[0];
    let one = site.watcher("ann", &["zoe"]);
    assert_eq!(one.heard(), [news(&[], &["zoe"])]);
    let [mut two, mut zoe] = ["7"; 2].map(|protocol| site.open(TWO, protocol));
    two.sign_in(r#"{"id":"ann","watchlist":["zoe"]}"#);
    zoe.sign_in(r#"{"id":"zoe"}"#);
    world.settle();
    let events: Vec<String> = two.letters().into_iter().map(|l| l.event).collect();
    assert_eq!(
        events,
        ["pusher:connection_established", "pusher:signin_success"]
    );
    assert_eq!(one.heard(), [""; 0]);
}

#[test]
fn watching_leaves_nothing_behind() {
    let mut world = World::with(2, served());
    let clients: Vec<Client> = (0..10)
        .map(|at| world.sites[at % 2].watcher(&at.to_string(), &["0", "1", "2", "nobody"]))
        .collect();
    world.quiesce();
    drop(clients);
    world.quiesce();
    world.sites.iter().for_each(Site::assert_empty);
    let late = world.sites[0].watcher("late", &["0", "1", "nobody"]);
    assert_eq!(late.heard(), [news(&[], &["0", "1", "nobody"])]);
}
