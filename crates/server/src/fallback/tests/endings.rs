//! How sessions end, and who is told.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_session_nobody_comes_for_is_over() {
    for end in ["stream", "poll"] {
        let site = Site::open(USUAL);
        if end == "stream" {
            let mut client = site.stream();
            client.line().await;
        } else {
            site.poll().await.unwrap().unwrap();
        }
        assert_eq!(site.node.connections(), 1);
        let begun = Instant::now();
        site.keeper.await.unwrap();
        assert_eq!(begun.elapsed(), SESSION_TIMEOUT, "{end}");
        assert_eq!(site.node.connections(), 0);
        let messages = ["{}".to_owned()];
        assert_eq!(
            site.session.post(&messages, site.clock.now()),
            Posted::Closed
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_is_told_to_every_request_for_a_while() {
    let (site, mut client) = greeted(USUAL).await;
    site.deliver("last");
    let reason = "You were terminated";
    site.outbox
        .ask_to_close(&Close::new(CloseCode::Unauthorized, reason));
    let farewell = "c[4009,\"You were terminated\"]";
    assert_eq!(client.line().await, "a[\"last\"]");
    assert_eq!(client.line().await, farewell);
    client.expect_end().await;
    drop(client);
    let begun = Instant::now();
    site.connections.wait_empty().await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "the client has heard it");
    assert_eq!(site.node.connections(), 0, "others see it leave at once");
    assert_eq!(site.post(&["{}"]), Posted::Closed);
    let told = site.poll().await.unwrap().unwrap();
    assert_eq!(told, format!("{farewell}\n"));
    let mut again = site.stream();
    assert_eq!(again.line().await, farewell);
    again.expect_end().await;
    drop(again);
    site.keeper.await.unwrap();
    assert_eq!(begun.elapsed(), SESSION_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_close_between_two_polls_is_told_to_the_next() {
    let site = Site::open(USUAL);
    site.poll().await.unwrap().unwrap();
    site.deliver("last");
    site.outbox
        .ask_to_close(&Close::new(CloseCode::ReconnectImmediately, "bye"));
    settle().await;
    assert_eq!(site.poll().await.unwrap().unwrap(), "a[\"last\"]\n");
    assert_eq!(site.poll().await.unwrap().unwrap(), "c[4200,\"bye\"]\n");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_keep_up_is_told_when_it_comes() {
    let site = Site::open(Setting {
        queue: 1_000,
        ..USUAL
    });
    site.poll().await.unwrap().unwrap();
    let mut deliveries = Vec::new();
    for _ in 0..20 {
        deliveries.push(site.deliver(&"x".repeat(90)));
        settle().await;
    }
    assert!(deliveries.contains(&Delivery::Full), "{deliveries:?}");
    settle().await;
    assert_eq!(site.node.connections(), 0);
    let told = site.poll().await.unwrap().unwrap();
    let told = told.trim_end().trim_start_matches("c[4100,\"Too slow: ");
    let bytes = told.strip_suffix(" bytes wait to be sent, the limit is 1000\"]");
    let bytes: u32 = bytes.unwrap_or(told).parse().unwrap();
    assert!((1_001..=1_300).contains(&bytes), "{bytes}");
}

#[tokio::test(start_paused = true)]
async fn the_last_line_comes_behind_a_message_that_has_begun() {
    for setting in BOTH {
        let site = Site::open(Setting {
            queue: 2_000,
            ..setting
        });
        let mut narrow = site.stream_over(300, Version::Http11);
        narrow.line().await;
        narrow.line().await;
        let long = "x".repeat(1_500);
        site.deliver(&long);
        settle().await;
        while site.deliver(&long) == Delivery::Accepted {}
        settle().await;
        let told = site.poll().await.unwrap().unwrap();
        let (message, farewell) = told.split_once('\n').unwrap();
        assert!(message == line_of(&long), "{message:.20}");
        assert!(farewell.starts_with("c[4100,"), "{farewell}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_request_does_not_wait_for_the_end_of_the_old_one() {
    let site = Site::open(Setting {
        queue: 2_000,
        ..USUAL
    });
    let mut stuck = site.stream_over(300, Version::Http11);
    stuck.line().await;
    stuck.line().await;
    while site.deliver(&"x".repeat(1_500)) == Delivery::Accepted {}
    settle().await;
    let begun = Instant::now();
    let told = site.poll().await.unwrap().unwrap();
    assert!(told.contains("c[4100,"), "{told}");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_last_line_needs_no_room() {
    let (site, mut client) = greeted(USUAL).await;
    // As long as a response may be, and no more.
    site.deliver(&"x".repeat(RESPONSE_UNITS - client.units() - "a[\"\"]\n".len()));
    client.line().await;
    assert_eq!(client.units(), RESPONSE_UNITS);
    site.outbox
        .ask_to_close(&Close::new(CloseCode::Unauthorized, "bye"));
    assert_eq!(client.line().await, "c[4009,\"bye\"]");
    client.expect_end().await;
}

/// A stream whose response is full, and that has been told so.
async fn filled(setting: Setting) -> (Site, Client) {
    let (site, mut client) = greeted(setting).await;
    site.deliver(&"x".repeat(RESPONSE_UNITS));
    client.line().await;
    assert_eq!(client.line().await, "h");
    (site, client)
}

#[tokio::test(start_paused = true)]
async fn a_full_response_ends_with_the_last_line_if_nothing_waits_before_it() {
    for setting in BOTH {
        let (site, mut client) = filled(setting).await;
        let begun = Instant::now();
        site.outbox
            .ask_to_close(&Close::new(CloseCode::ReconnectImmediately, "bye"));
        assert_eq!(client.line().await, "c[4200,\"bye\"]");
        client.expect_end().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_the_reader_of_a_full_response_does_not_hold_up_a_close_for_long() {
    for setting in BOTH {
        let (site, mut client) = filled(setting).await;
        site.deliver("waits");
        let begun = Instant::now();
        site.outbox
            .ask_to_close(&Close::new(CloseCode::ReconnectImmediately, "bye"));
        settle().await;
        assert_eq!(site.node.connections(), 0, "others see it leave at once");
        assert_eq!(client.line().await, "c[4200,\"bye\"]");
        assert_eq!(begun.elapsed(), WRITE_TIMEOUT);
        client.expect_end().await;
        assert_eq!(begun.elapsed(), WRITE_TIMEOUT);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_stream_that_answers_nothing_is_given_up() {
    let (site, client) = filled(USUAL).await;
    site.deliver("waits");
    sleep(pulse::READING - Duration::from_secs(1)).await;
    assert_eq!(site.node.connections(), 1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(site.node.connections(), 0);
    drop(client);
    assert_eq!(site.poll().await.unwrap().unwrap(), "a[\"waits\"]\n");
    let told = site.poll().await.unwrap().unwrap();
    assert!(told.starts_with("c[4201,"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_who_is_away() {
    for words in [&[][..], &["waits"]] {
        let site = Site::open(USUAL);
        site.poll().await.unwrap().unwrap();
        for word in words {
            site.deliver(word);
        }
        let begun = Instant::now();
        site.outbox
            .ask_to_close(&Close::new(CloseCode::ReconnectImmediately, "bye"));
        site.connections.wait_empty().await;
        assert!(
            begun.elapsed() <= 2 * farewell::ABSENCE,
            "{:?}",
            begun.elapsed()
        );
        let told = site.poll().await.unwrap().unwrap();
        let said: String = words
            .iter()
            .map(|word| format!("a[\"{word}\"]\n"))
            .collect();
        assert_eq!(told, format!("{said}c[4200,\"bye\"]\n"), "it is still told");
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_too_late_is_told_to_come_again() {
    let site = Site::open(USUAL);
    site.poll().await.unwrap().unwrap();
    let session = Arc::clone(&site.session);
    site.keeper.await.unwrap();
    let (client, stream) = duplex(1 << 20);
    let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let halves = pipe(stream, Sharing::Anybody);
    let receiver = Receiver::stream(halves, place, Version::Http11, b"HEAD\r\n\r\n".to_vec());
    let late = session.attach(receiver).err().unwrap();
    let told = tokio::spawn(turn_away(late, WRITE_TIMEOUT));
    let mut client = Client::new(client, Version::Http11);
    assert!(client.line().await.starts_with("c[4200,"));
    client.expect_end().await;
    told.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_close_with_much_that_waits_keeps_to_what_clients_read() {
    let site = Site::open(USUAL);
    site.poll().await.unwrap().unwrap();
    let text = "x".repeat(10_000);
    for _ in 0..60 {
        site.deliver(&text);
    }
    site.outbox
        .ask_to_close(&Close::new(CloseCode::ReconnectImmediately, "bye"));
    let (mut lines, mut responses) = (0, 0);
    loop {
        let mut client = site.stream();
        responses += 1;
        let last = loop {
            match client.line().await {
                line if line.starts_with("a[") => lines += 1,
                line => break line,
            }
        };
        if last != "h" {
            assert_eq!(last, "c[4200,\"bye\"]");
            break;
        }
        assert!(client.units() < RESPONSE_UNITS + 2 * text.len());
    }
    assert_eq!((lines, responses), (60, 3));
}

#[tokio::test(start_paused = true)]
async fn who_reads_slowly_while_a_session_closes_is_told_when_it_comes_back() {
    let site = Site::open(USUAL);
    let mut narrow = site.stream_over(300, Version::Http11);
    narrow.line().await;
    narrow.line().await;
    for _ in 0..200 {
        site.deliver(&"x".repeat(200));
    }
    site.outbox
        .ask_to_close(&Close::new(CloseCode::Unauthorized, "bye"));
    for _ in 0..5 {
        sleep(Duration::from_secs(1)).await;
        narrow.line().await;
    }
    let told = site.poll().await.unwrap().unwrap();
    assert!(told.ends_with("c[4009,\"bye\"]\n"), "{told:.40}");
}

#[tokio::test(start_paused = true)]
async fn an_overflow_of_a_full_stream_ends_it_with_the_last_line() {
    for setting in BOTH {
        for version in [Version::Http11, Version::Http10] {
            let site = Site::open(Setting {
                queue: 1 << 20,
                ..setting
            });
            let mut client = site.stream_over(8 << 20, version);
            client.line().await;
            client.line().await;
            let text = "x".repeat(50_000);
            let begun = Instant::now();
            while site.deliver(&text) == Delivery::Accepted {
                settle().await;
            }
            let farewell = client.until("c[").await;
            assert!(farewell.starts_with("c[4100,"), "{farewell}");
            client.expect_end().await;
            assert!(
                begun.elapsed() < Duration::from_secs(1),
                "{:?}",
                begun.elapsed()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_that_comes_late_in_an_absence_is_told_all_the_same() {
    let site = Site::open(USUAL);
    site.poll().await.unwrap().unwrap();
    sleep(SESSION_TIMEOUT - Duration::from_millis(500)).await;
    site.deliver("waits");
    site.outbox
        .ask_to_close(&Close::new(CloseCode::Unauthorized, "bye"));
    sleep(Duration::from_secs(3)).await;
    let told = site.poll().await.unwrap().unwrap();
    assert_eq!(told, "a[\"waits\"]\nc[4009,\"bye\"]\n");
}
