//! Polls, and who receives.

use super::*;

#[tokio::test(start_paused = true)]
async fn polls_take_what_waits_and_wait_for_what_comes() {
    let site = Site::open(USUAL);
    let opened = site.poll().await.unwrap().unwrap();
    assert!(
        opened.starts_with("o\na[\"{") && opened.ends_with("}\"]\n"),
        "{opened}"
    );
    site.deliver("1");
    site.deliver("2");
    assert_eq!(site.poll().await.unwrap().unwrap(), "a[\"1\"]\na[\"2\"]\n");
    let held = site.poll();
    settle().await;
    assert!(!held.is_finished());
    site.deliver("3");
    assert_eq!(held.await.unwrap().unwrap(), "a[\"3\"]\n");
    let begun = Instant::now();
    assert_eq!(site.poll().await.unwrap().unwrap(), "h\n");
    assert_eq!(begun.elapsed(), HEARTBEAT);
    let held = site.poll();
    settle().await;
    site.post(&[]);
    assert_eq!(
        held.await.unwrap().unwrap(),
        "a[]\n",
        "polls answer no heartbeats"
    );
}

#[tokio::test(start_paused = true)]
async fn the_newest_request_receives() {
    let site = Site::open(USUAL);
    site.poll().await.unwrap().unwrap();
    let old = site.poll();
    let new = site.poll();
    assert_eq!(old.await.unwrap(), None);
    let mut stream = site.stream();
    assert_eq!(new.await.unwrap(), None);
    site.deliver("1");
    assert_eq!(stream.line().await, "a[\"1\"]");
    let mut newer = site.stream();
    stream.expect_cut().await;
    site.deliver("2");
    assert_eq!(newer.line().await, "a[\"2\"]");
}

#[tokio::test(start_paused = true)]
async fn a_poll_whose_client_is_gone_takes_nothing() {
    let site = Site::open(USUAL);
    site.poll().await.unwrap().unwrap();
    let gone = site.poll();
    settle().await;
    gone.abort();
    // The answer finds nobody, whoever notices first.
    site.deliver("1");
    settle().await;
    assert_eq!(site.poll().await.unwrap().unwrap(), "a[\"1\"]\n");
    let gone = site.poll();
    settle().await;
    gone.abort();
    let begun = Instant::now();
    site.keeper.await.unwrap();
    assert!(begun.elapsed() <= SESSION_TIMEOUT, "its end was noticed");
}

#[tokio::test(start_paused = true)]
async fn questions_without_a_listener_do_not_pile_up() {
    let site = Site::open(USUAL);
    site.poll().await.unwrap().unwrap();
    for _ in 0..100 {
        site.post(&[]);
        settle().await;
    }
    assert_eq!(site.poll().await.unwrap().unwrap(), "a[]\n");
}

#[tokio::test(start_paused = true)]
async fn an_answer_ends_where_clients_would_end_it() {
    let site = Site::open(USUAL);
    site.poll().await.unwrap().unwrap();
    let text = "Zoë 🐦".repeat(1_000);
    for _ in 0..200 {
        assert_eq!(site.deliver(&text), Delivery::Accepted);
    }
    let line = format!("a[\"{text}\"]\n");
    let mut lines = 0;
    while lines < 200 {
        let answer = site.poll().await.unwrap().unwrap();
        let units = answer.encode_utf16().count();
        let last = line.encode_utf16().count();
        assert!(units - last <= RESPONSE_UNITS, "{units} units");
        assert!(answer.split_inclusive('\n').all(|one| one == line));
        lines += answer.len() / line.len();
    }
    assert_eq!(lines, 200);
}

#[tokio::test(start_paused = true)]
async fn polls_are_signs_of_life() {
    let site = Site::open(USUAL);
    site.poll().await.unwrap().unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(300) {
        assert_eq!(site.poll().await.unwrap().unwrap(), "h\n");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_been_answered_does_not_wait_any_more() {
    let site = Site::open(Setting {
        queue: 600_000,
        ..USUAL
    });
    site.poll().await.unwrap().unwrap();
    let text = "x".repeat(10_000);
    for _ in 0..55 {
        assert_eq!(site.deliver(&text), Delivery::Accepted);
    }
    site.poll().await.unwrap().unwrap();
    settle().await;
    for n in 0..20 {
        assert_eq!(site.deliver(&text), Delivery::Accepted, "{n}");
    }
}
