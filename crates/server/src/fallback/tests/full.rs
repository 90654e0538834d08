//! Responses that are as long as clients take them.

use super::*;

/// Messages that together are longer than a response may be.
fn burst() -> Vec<String> {
    let text = |n: usize| format!("{n} {}", "Zoë 🐦".repeat(200));
    (0..1_000).map(text).collect()
}

/// When the answer to the mark arrives at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    BeforeTheNextRequest,
    AfterTheNextRequest,
    /// When so much of the next response has been read.
    Late,
    Never,
}

const ANSWERS: [Answers; 4] = [
    Answers::BeforeTheNextRequest,
    Answers::AfterTheNextRequest,
    Answers::Late,
    Answers::Never,
];

/// What a client like pusher-js gets that reads responses one after the other: it ends each that it
/// has read and that is too long. It takes its time for each message.
async fn read_all(
    site: &Site,
    mut client: Client,
    mut expect: &[String],
    (answers, pause): (Answers, Duration),
) -> usize {
    let mut responses = 1;
    let mut owed = 0;
    while !expect.is_empty() {
        let line = client.line().await;
        if line == "h" && client.units() > RESPONSE_UNITS {
            settle().await;
            assert!(client.is_quiet(), "nothing behind the mark");
            if answers == Answers::BeforeTheNextRequest {
                site.post(&[]);
            }
            drop(client);
            client = site.stream();
            responses += 1;
            match answers {
                Answers::AfterTheNextRequest => drop(site.post(&[])),
                Answers::Late => owed += 1,
                Answers::BeforeTheNextRequest | Answers::Never => {}
            }
            continue;
        }
        assert_ne!(line, "h", "only at the end of a response");
        if line == "a[]" {
            assert_eq!(answers, Answers::Late, "nobody has asked");
            continue;
        }
        let (first, rest) = expect.split_first().unwrap();
        assert!(line == line_of(first), "{line:.9} instead of {first:.4}");
        expect = rest;
        if owed > 0 && client.units() > RESPONSE_UNITS / 2 {
            site.post(&[]);
            owed -= 1;
        }
        sleep(pause).await;
    }
    responses
}

/// The slower client takes twelve seconds for a response of 200 messages: longer than it may take
/// to ask for the next.
#[tokio::test(start_paused = true)]
async fn a_full_response_loses_nothing() {
    for setting in BOTH {
        for answers in ANSWERS {
            for pause in [0, 60] {
                let (site, client) = greeted(setting).await;
                let burst = burst();
                for text in &burst {
                    assert_eq!(site.deliver(text), Delivery::Accepted);
                }
                let pace = (answers, Duration::from_millis(pause));
                assert!(read_all(&site, client, &burst, pace).await > 4);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_without_a_limit_gets_the_rest_in_the_same_response() {
    let (site, mut client) = greeted(USUAL).await;
    for text in burst() {
        site.deliver(&text);
    }
    for text in burst() {
        let mut line = client.line().await;
        if line == "h" {
            let marked = Instant::now();
            sleep(Duration::from_secs(7)).await;
            assert!(client.is_quiet(), "it may be slow");
            site.post(&[]);
            line = client.line().await;
            assert_eq!(marked.elapsed().as_secs(), 12);
        }
        assert!(line == line_of(&text));
    }
}

/// The session asks by itself when its client has been silent for long.
#[tokio::test(start_paused = true)]
async fn a_question_of_the_session_is_not_taken_for_the_end_of_a_full_response() {
    let (site, mut client) = greeted(USUAL).await;
    for n in 0..11 {
        site.deliver(&n.to_string());
        client.line().await;
        sleep(Duration::from_secs(10)).await;
    }
    sleep(Duration::from_secs(5)).await;
    site.deliver(&"x".repeat(RESPONSE_UNITS));
    client.line().await;
    assert_eq!(client.line().await, "h");
    // Its time comes while nobody has read the end of the response.
    sleep(Duration::from_secs(8)).await;
    assert!(client.is_quiet());
    site.post(&[]);
    drop(client);
    let texts: Vec<String> = (0..40)
        .map(|n| format!("{n:4} {}", "y".repeat(20_000)))
        .collect();
    for text in &texts {
        site.deliver(text);
    }
    let pace = (Answers::AfterTheNextRequest, Duration::from_secs(1));
    let client = site.stream();
    assert!(read_all(&site, client, &texts, pace).await > 2);
}

#[tokio::test(start_paused = true)]
async fn answers_that_come_together_are_counted() {
    let (site, mut client) = greeted(USUAL).await;
    assert_eq!(client.line().await, "h");
    site.deliver(&"x".repeat(RESPONSE_UNITS));
    site.deliver("rest");
    client.line().await;
    assert_eq!(client.line().await, "h");
    site.post(&[]);
    site.post(&[]);
    assert_eq!(client.line().await, "a[\"rest\"]");
}

/// Silent before, busy reading now.
#[tokio::test(start_paused = true)]
async fn who_reads_a_full_response_has_two_minutes_whenever_it_became_full() {
    let (site, mut client) = greeted(USUAL).await;
    for n in 0..110 {
        site.deliver(&n.to_string());
        client.line().await;
        sleep(Duration::from_secs(1)).await;
    }
    site.deliver(&"x".repeat(RESPONSE_UNITS));
    client.line().await;
    assert_eq!(client.line().await, "h");
    sleep(pulse::READING - Duration::from_secs(5)).await;
    site.post(&[]);
    let mut next = site.stream();
    site.deliver("next");
    assert_eq!(next.line().await, line_of("next"));
}

/// Virtual time stands still for a task that never rests, and this test with it.
#[tokio::test(start_paused = true)]
async fn a_mark_that_does_not_fit_is_waited_for_in_peace() {
    let site = Site::open(Setting {
        write_timeout: Duration::from_secs(300),
        ..USUAL
    });
    let mut client = site.stream_over(300_000, Version::Http11);
    client.line().await;
    client.line().await;
    let text = "x".repeat(299_985);
    site.deliver(&text);
    sleep(pulse::READING * 2).await;
    assert_eq!(client.line().await, line_of(&text));
    assert_eq!(client.line().await, "h");
}

mod random {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever the sizes and the moments are: a client like pusher-js gets every message once
        /// and in order.
        #[test]
        fn nothing_is_lost_or_told_twice(
            sizes in prop::collection::vec(1usize..30_000, 1..60),
            astral in any::<bool>(),
            pauses in prop::collection::vec(0u64..3, 1..60),
            setting in prop::sample::select(&BOTH[..]),
            answers in prop::sample::select(&ANSWERS[..]),
            pace in 0u64..100,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(async {
                let (site, client) = greeted(setting).await;
                let letter = if astral { "🐦" } else { "x" };
                let texts: Vec<String> = sizes
                    .iter()
                    .enumerate()
                    .map(|(at, size)| format!("{at:4} {}", letter.repeat(*size)))
                    .collect();
                let outbox = Arc::clone(&site.outbox);
                let frames: Vec<Frame> =
                    texts.iter().map(|text| Frame::from_text(text.as_bytes())).collect();
                let delivering = tokio::spawn(async move {
                    for (frame, pause) in frames.iter().zip(pauses.iter().cycle()) {
                        outbox.deliver(std::slice::from_ref(frame));
                        sleep(Duration::from_millis(*pause)).await;
                    }
                });
                let pace = (answers, Duration::from_millis(pace));
                read_all(&site, client, &texts, pace).await;
                delivering.await.unwrap();
            });
        }
    }
}
