//! Streams: how they open, what silence and cuts come to.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_stream_opens_in_chunks_or_without() {
    for version in [Version::Http11, Version::Http10] {
        let site = Site::open(USUAL);
        let mut client = site.stream_over(1 << 20, version);
        assert_eq!(client.line().await, "o");
        assert!(
            client
                .line()
                .await
                .starts_with("a[\"{\\\"event\\\":\\\"pusher:connection_est")
        );
        site.deliver("Zoë");
        assert_eq!(client.line().await, "a[\"Zoë\"]");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_asked_and_given_up_when_it_does_not_answer() {
    let (site, mut client) = greeted(USUAL).await;
    let begun = Instant::now();
    assert_eq!(client.line().await, "h");
    assert_eq!(begun.elapsed().as_secs(), 25);
    assert_eq!(site.post(&[]), Posted::Heard);
    assert_eq!(client.line().await, "h", "the answer is not answered");
    assert_eq!(client.line().await, "h");
    assert_eq!(begun.elapsed().as_secs(), 75);
    let close = client.line().await;
    assert!(close.starts_with("c[4201,"), "{close}");
    assert_eq!(begun.elapsed().as_secs(), 100);
    client.expect_end().await;
    assert_eq!(site.node.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_empty_message_is_answered_with_nothing() {
    let (site, mut client) = greeted(USUAL).await;
    for _ in 0..3 {
        assert_eq!(site.post(&[]), Posted::Heard);
        assert_eq!(client.line().await, "a[]");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_begins_with_the_last_message() {
    for setting in BOTH {
        let (site, mut client) = greeted(setting).await;
        for second in 0..60 {
            sleep(Duration::from_secs(1)).await;
            site.deliver(&second.to_string());
            assert_eq!(client.line().await, format!("a[\"{second}\"]"));
        }
        let begun = Instant::now();
        assert_eq!(client.line().await, "h");
        assert_eq!(begun.elapsed().as_secs(), 25);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_cut_off_comes_again_in_the_next_response() {
    let site = Site::open(USUAL);
    let mut narrow = site.stream_over(300, Version::Http11);
    assert_eq!(narrow.line().await, "o");
    assert!(narrow.line().await.contains("connection_established"));
    let long = "x".repeat(1_000);
    site.deliver(&long);
    site.deliver("after");
    settle().await;
    let mut wide = site.stream();
    assert_eq!(wide.line().await, line_of(&long));
    assert_eq!(wide.line().await, line_of("after"));
    narrow.expect_cut().await;
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_was_cut_off_comes_again() {
    let site = Site::open(USUAL);
    let narrow = site.stream_over(10, Version::Http11);
    settle().await;
    let mut wide = site.stream();
    assert_eq!(wide.line().await, "o");
    assert!(wide.line().await.contains("connection_established"));
    drop(narrow);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_takes_nothing_is_cut() {
    for seconds in [4, 60] {
        for setting in BOTH {
            let write_timeout = Duration::from_secs(seconds);
            let site = Site::open(Setting {
                write_timeout,
                ..setting
            });
            let mut client = site.stream_over(300, Version::Http11);
            client.line().await;
            client.line().await;
            // Shortly before a heartbeat is due.
            sleep(Duration::from_secs(24)).await;
            site.deliver(&"x".repeat(1_000));
            let begun = Instant::now();
            site.keeper.await.unwrap();
            assert_eq!(begun.elapsed(), write_timeout);
            client.expect_cut().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_other_nodes_pass_on_is_carried_out_in_its_order() {
    let (site, mut client) = greeted(USUAL).await;
    let subscribe = |channel: &str| {
        let data = format!("{{\"channel\":\"{channel}\"}}");
        vec![format!(
            "{{\"event\":\"pusher:subscribe\",\"data\":{data}}}"
        )]
    };
    for channel in ["a", "b"] {
        site.session.leave_sent(subscribe(channel));
    }
    for channel in ["a", "b"] {
        let line = client.line().await;
        let channel = format!("\\\"channel\\\":\\\"{channel}\\\"");
        assert!(
            line.contains("subscription_succeeded") && line.contains(&channel),
            "{line}"
        );
    }
    for _ in 0..100 {
        site.session.leave_sent(subscribe(&"c".repeat(10_000)));
    }
    let close = client.until("c[").await;
    assert!(close.starts_with("c[4100,"), "{close}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_of_a_busy_stream_is_asked_and_given_up() {
    let (site, mut client) = greeted(USUAL).await;
    let begun = Instant::now();
    let mut asked = None;
    let close = loop {
        site.deliver("tick");
        sleep(Duration::from_secs(1)).await;
        assert_eq!(client.line().await, "a[\"tick\"]");
        if client.is_quiet() {
            continue;
        }
        match client.line().await {
            line if line == "h" => asked = Some(begun.elapsed().as_secs()),
            line => break line,
        }
    };
    assert!(
        asked.is_some_and(|second| (120..=122).contains(&second)),
        "{asked:?}"
    );
    assert_eq!(close, "c[4201,\"Pong reply not received\"]");
}

/// The client has read the line, and what was missing of its chunk says nothing.
#[tokio::test(start_paused = true)]
async fn a_message_of_which_only_the_end_of_its_chunk_is_missing_does_not_come_again() {
    for setting in BOTH {
        for missing in [1, 2] {
            let site = Site::open(setting);
            let mut narrow = site.stream_over(400, Version::Http11);
            narrow.line().await;
            narrow.line().await;
            // Three digits and the ends of two lines, `a["` and `"]`, and the last line feed.
            site.deliver(&"x".repeat(400 + missing - 5 - 2 - 6));
            site.deliver("next");
            settle().await;
            let mut wide = site.stream();
            assert_eq!(wide.line().await, line_of("next"), "{missing} missing");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_is_out_does_not_come_again() {
    let site = Site::open(USUAL);
    let mut narrow = site.stream_over(20, Version::Http11);
    assert_eq!(narrow.line().await, "o");
    settle().await;
    let mut wide = site.stream();
    assert!(wide.line().await.contains("connection_established"));
}
