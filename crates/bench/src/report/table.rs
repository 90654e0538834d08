//! A result as people read it.

use std::fmt;

use foghorn_cli::{Paint, Report};
use serde_json::Value;

use super::Outcome;
use crate::histogram::Percentiles;

/// Above this share of a core the bench itself may be what limits the figures.
const BUSY: f64 = 0.8;

impl Outcome {
    fn rows(&self, paint: Paint) -> Vec<(String, String)> {
        let mut rows = vec![
            ("scenario".to_owned(), paint.name(self.scenario)),
            ("seconds".to_owned(), format!("{:.2}", self.seconds)),
        ];
        let mut row = |name: &str, text: String| rows.push((name.to_owned(), text));
        if let Some(found) = &self.deliveries {
            let rate = grouped(found.deliveries_per_second.round() as u64);
            let count = grouped(found.deliveries);
            row("deliveries", format!("{count}, {rate} a second"));
            row("lost", checked(found.lost, paint));
            row("duplicated", checked(found.duplicated, paint));
            row("reordered", checked(found.reordered, paint));
            if let Some(why) = &found.closed_because {
                let text = format!("{} by the server: {why}", found.closed);
                row("closed", paint.bad(&text));
            }
            if let Some(error) = &found.error {
                row("errors", paint.bad(&format!("{}: {error}", found.errors)));
            }
        }
        if let Some(found) = &self.publishes {
            let rate = grouped(found.per_second.round() as u64);
            let accepted = grouped(found.accepted);
            row("requests accepted", format!("{accepted}, {rate} a second"));
            row("answered busy", grouped(found.refused));
            if found.behind_ms >= 1.0 {
                row("behind schedule", format!("up to {} ms", found.behind_ms));
            }
        }
        for (name, latency) in [
            ("latency", self.latency_us),
            ("publish latency", self.publish_latency_us),
            ("join latency", self.join_latency_us),
        ] {
            if let Some(latency) = latency {
                row(name, latency.to_string());
            }
        }
        if let Some(told) = self.announcements {
            let wanted = grouped(told.announcements_expected);
            let (added, removed) = (grouped(told.member_added), grouped(told.member_removed));
            row(
                "announcements",
                format!("{added} of {wanted} added, {removed} of {wanted} removed"),
            );
        }
        for (name, value) in &self.extra {
            row(&name.replace('_', " "), plain(value));
        }
        self.processes(&mut rows, paint);
        rows
    }

    fn processes(&self, rows: &mut Vec<(String, String)>, paint: Paint) {
        let mut row = |name: &str, text: String| rows.push((name.to_owned(), text));
        match &self.server {
            None => row(
                "server",
                paint.dim("not on this computer, or not to be seen"),
            ),
            Some(server) => {
                let cpu = format!("{:.2} s", server.cpu_seconds);
                row("server CPU", format!("{cpu} (process {})", server.pid));
                let each = [
                    ("delivery", server.cpu_us_per_delivery),
                    ("publish", server.cpu_us_per_publish),
                    ("connection", server.cpu_us_per_connection),
                ];
                for (unit, value) in each {
                    if let Some(value) = value {
                        row(&format!("server CPU per {unit}"), format!("{value:.2} µs"));
                    }
                }
                if let (Some(resident), Some(peak)) = (server.rss_bytes, server.peak_bytes) {
                    let text = format!("{}, at most {}", mebibytes(resident), mebibytes(peak));
                    row("server memory", text);
                }
                if let Some(bytes) = server.bytes_per_connection {
                    row("per connection", format!("{} bytes", grouped(bytes as u64)));
                }
            }
        }
        row("client CPU", format!("{:.2} s", self.client.cpu_seconds));
        if self.client.busiest_share > BUSY {
            let percent = self.client.busiest_share * 100.0;
            let text = format!("the client is the bottleneck: it used {percent:.0} % of a core");
            row("note", paint.bad(&text));
        }
    }
}

impl Report for Outcome {
    fn people(&self, paint: Paint) -> String {
        let rows = self.rows(paint);
        let width = rows.iter().map(|(name, _)| name.len()).max();
        let width = width.unwrap_or_default();
        let line = |(name, text): &(String, String)| {
            let name = paint.dim(&format!("{name:width$}"));
            format!("{name}  {text}")
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            p50,
            p90,
            p99,
            p999,
            max,
        } = self;
        write!(
            f,
            "p50 {p50:.0}, p90 {p90:.0}, p99 {p99:.0}, p99.9 {p999:.0}, max {max:.0} µs"
        )
    }
}

fn checked(count: u64, paint: Paint) -> String {
    let text = grouped(count);
    if count > 0 { paint.bad(&text) } else { text }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_u64().map_or(number.to_string(), grouped),
        other => other.to_string(),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// A number with commas between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ClientFigures;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_busy_client_is_named() {
        let says = |busiest_share| {
            let client = ClientFigures {
                cpu_seconds: 1.0,
                busiest_share,
            };
            let outcome = Outcome {
                client,
                ..Outcome::default()
            };
            let rows = outcome.rows(Paint::PLAIN);
            rows.iter().any(|(_, text)| text.contains("the bottleneck"))
        };
        assert!(says(0.81));
        assert!(!says(0.8));
    }
}
