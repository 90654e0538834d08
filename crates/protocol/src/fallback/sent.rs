//! What a client sends: the body of an `xhr_send` request.

/// The messages of a body, each the JSON text of one message. An empty list is a sign
/// of life.
///
/// # Errors
/// The body is no JSON array of strings.
pub fn read_sent(body: &[u8]) -> Result<Vec<String>, NotSent> {
    serde_json::from_slice(body).map_err(NotSent)
}

/// A body is no JSON array of strings; says where it goes wrong.
#[derive(Debug, thiserror::Error)]
#[error("the body has to be a JSON array of strings, each one message: {0}")]
pub struct NotSent(#[source] serde_json::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_array_of_strings_is_sent() {
        let read = |body: &str| read_sent(body.as_bytes()).ok();
        assert_eq!(read("[]"), Some(vec![]));
        assert_eq!(
            read(r#" ["a", "\"ü\""]"#),
            Some(vec!["a".into(), "\"ü\"".into()])
        );
        for body in [
            "",
            "{}",
            "\"a\"",
            "[1]",
            "[\"a\"",
            "[\"a\"] x",
            "[null]",
            "[\"\\ud800\"]",
        ] {
            assert_eq!(read(body), None, "{body}");
        }
        assert!(read_sent(b"[\"\xff\"]").is_err());
    }
}
