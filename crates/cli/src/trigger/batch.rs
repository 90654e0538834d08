//! Many events, several to a request.

use std::path::Path;

use foghorn_protocol::wire_text;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{NO_DATA, Published, post, sealed};
use crate::encryption::MasterKey;
use crate::failure::Failure;
use crate::input;
use crate::output::Output;
use crate::target::Target;

/// One line of the file.
#[derive(Deserialize)]
#[serde(expecting = "an object with channel and event")]
struct Line {
    channel: String,
    /// `event` is what `foghorn subscribe` prints, `name` what the API takes.
    #[serde(rename = "event", alias = "name")]
    name: String,
    data: Option<Box<RawValue>>,
    socket_id: Option<String>,
    info: Option<String>,
}

/// One entry of a request.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Entry {
    channel: String,
    name: String,
    data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<String>,
}

/// All lines of the file; none is taken if one of them cannot be read.
pub(super) fn read_file(
    path: &Path,
    master_key: Option<&MasterKey>,
) -> Result<Vec<Entry>, Failure> {
    let text = String::from_utf8(input::file(path)?)
        .map_err(|_| Failure::usage(format!("{} is not valid UTF-8", path.display())))?;
    read(&text, master_key)
}

/// Publishes the events, `size` to a request.
pub(super) fn publish(
    target: &Target,
    entries: &[Entry],
    size: usize,
    output: Output,
) -> Result<(), Failure> {
    let mut done = 0;
    for batch in entries.chunks(size) {
        let answer = post(target, "/batch_events", &json!({ "batch": batch }))
            .inspect_err(|_| output.progress(&format!("published {done} of {}", entries.len())))?;
        for (index, entry) in batch.iter().enumerate() {
            let attributes = answer.get("batch").and_then(|all| all.get(index)).cloned();
            let attributes = attributes.unwrap_or_else(|| Value::Object(Map::new()));
            output.report(&Published {
                event: entry.name.clone(),
                channels: Map::from_iter([(entry.channel.clone(), attributes)]),
            })?;
        }
        done += batch.len();
    }
    Ok(())
}

fn read(text: &str, master_key: Option<&MasterKey>) -> Result<Vec<Entry>, Failure> {
    let lines = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| !line.trim().is_empty());
    let entry = |(line, number): (&str, usize)| {
        let bad = |error| Failure::usage(format!("line {number}: {}", without_place(&error)));
        let line: Line = serde_json::from_str(line).map_err(bad)?;
        let data = match &line.data {
            Some(data) => wire_text(data).map_err(bad)?.into_owned(),
            None => NO_DATA.to_owned(),
        };
        let data = sealed(std::slice::from_ref(&line.channel), data, master_key)?;
        Ok(Entry {
            channel: line.channel,
            name: line.name,
            data,
            socket_id: line.socket_id,
            info: line.info,
        })
    };
    let entries: Vec<_> = lines.map(entry).collect::<Result<_, _>>()?;
    if entries.is_empty() {
        return Err(Failure::usage("there is no event in the batch"));
    }
    Ok(entries)
}

/// What is wrong, less the place within the one line that was read.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_event() {
        let text = concat!(
            r#"{"channel":"a","event":"e","data":{"x": 1},"user_id":null}"#,
            "\n\n",
            r#"{"channel":"b","name":"n","data":"text","socket_id":"1.2","info":"user_count"}"#,
            "\n",
            r#"{"channel":"c","name":"n"}"#,
        );
        let entries = serde_json::to_string(&read(text, None).unwrap()).unwrap();
        let expect = concat!(
            r#"[{"channel":"a","name":"e","data":"{\"x\": 1}"},"#,
            r#"{"channel":"b","name":"n","data":"text","socket_id":"1.2","info":"user_count"},"#,
            r#"{"channel":"c","name":"n","data":"{}"}]"#,
        );
        assert_eq!(entries, expect);
    }

    #[test]
    fn a_bad_line_is_named() {
        let good = r#"{"channel":"a","event":"e"}"#;
        for (bad, why) in [
            ("{", "EOF while parsing an object"),
            (
                "7",
                "invalid type: integer `7`, expected an object with channel and event",
            ),
            (
                "[]",
                "invalid length 0, expected an object with channel and event",
            ),
            (r#"{"channel":"a"}"#, "missing field `event`"),
            (r#"{"event":"e"}"#, "missing field `channel`"),
            (
                r#"{"channel":"a","event":"e","data":"\ud800"}"#,
                "unexpected end of hex escape",
            ),
        ] {
            let failure = read(&format!("{good}\n{bad}"), None).unwrap_err();
            assert_eq!(failure, Failure::usage(format!("line 2: {why}")));
        }
    }

    #[test]
    fn a_batch_has_an_event() {
        for text in ["", "\n \n"] {
            assert!(
                matches!(read(text, None), Err(Failure::Usage(_))),
                "{text:?}"
            );
        }
    }
}
