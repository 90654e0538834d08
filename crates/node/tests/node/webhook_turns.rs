//! More to tell than fits into one turn.

use std::collections::BTreeSet;
use std::sync::Arc;

use foghorn_node::{AppSpec, Departures, DueWebhooks, Pace};
use foghorn_webhooks::Mark;

use crate::site::{Setup, Site};
use crate::webhooks::{DELAY, TIME, all, events};

/// All that is due at once, turn by turn: what each of them gave.
fn turns(site: &Site) -> Vec<DueWebhooks> {
    let mut turns = Vec::new();
    loop {
        let now = site.clock.now();
        let due = site
            .node
            .due_webhooks(now, TIME, Departures::Told, &|_| Pace::Abreast);
        let more = due.more;
        assert!(!more || due.next == Some(now));
        turns.push(due);
        if !more {
            return turns;
        }
    }
}

#[test]
fn a_crowd_that_goes_at_once_is_told_in_many_turns() {
    const CHANNELS: usize = 100_000;
    /// What the courier lets in at once, with room to spare.
    const ENOUGH: usize = 2_048;
    let rules = |app: &mut AppSpec| {
        all(app);
        app.subscription_count = foghorn_node::SubscriptionCount::Hidden;
        Arc::make_mut(&mut app.policy)
            .limits
            .max_channels_per_connection = CHANNELS;
    };
    let site = Site::new(
        1,
        Setup {
            rules,
            ..Setup::default()
        },
    );
    let mut client = site.client();
    for number in 0..CHANNELS {
        client.subscribe(&format!("c-{number}"));
    }
    let check = |expect: &str, is_right: fn(&Mark) -> bool| {
        let turns = turns(&site);
        assert!(turns.len() >= CHANNELS / ENOUGH, "{}", turns.len());
        let mut told = BTreeSet::new();
        for turn in &turns {
            assert!(turn.deliveries.len() <= ENOUGH);
            assert_eq!(turn.deliveries.len(), turn.marks.len());
            assert!(turn.marks.iter().all(|(_, mark)| is_right(mark)));
            told.extend(events(turn));
        }
        let sum: usize = turns.iter().map(|turn| turn.deliveries.len()).sum();
        assert_eq!((sum, told.len()), (CHANNELS, CHANNELS));
        assert!(told.iter().all(|event| event.starts_with(expect)));
    };
    check("channel_occupied", |mark| matches!(mark, Mark::Told(_)));
    drop(client);
    for turn in turns(&site) {
        assert!(turn.deliveries.is_empty());
    }
    site.clock.wait(DELAY);
    check("channel_vacated", |mark| matches!(mark, Mark::TakenBack(_)));
    assert_eq!(turns(&site).last().and_then(|turn| turn.next), None);
}
