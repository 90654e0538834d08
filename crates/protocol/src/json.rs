//! Small readings of JSON text that is otherwise passed on untouched.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The text that a JSON value stands for on the wire, where `data` is always a string: a JSON
/// string is itself, anything else is its own JSON text, byte for byte.
///
/// # Errors
/// A string with an escape that stands for no character.
pub fn wire_text(value: &RawValue) -> Result<Cow<'_, str>, serde_json::Error> {
    if value.get().starts_with('"') {
        Ok(serde_json::from_str::<Text<'_>>(value.get())?.0)
    } else {
        Ok(Cow::Borrowed(value.get()))
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Whether `data` is what clients can decrypt on a `private-encrypted-` channel: an object with the
/// strings `nonce` and `ciphertext`. Anything else makes the Java client throw.
#[must_use]
pub fn encrypted_envelope(data: &str) -> bool {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow, rename = "nonce")]
        _nonce: Cow<'a, str>,
        #[serde(borrow, rename = "ciphertext")]
        _ciphertext: Cow<'a, str>,
    }
    object::<Envelope<'_>>(data).is_some()
}

/// Reads a JSON object; serde alone would also take an array for a struct.
pub(crate) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let is_object = text.trim_start().starts_with('{');
    is_object.then(|| serde_json::from_str(text).ok()).flatten()
}

/// The text of `user_info`: an object, or absent. `None` if it is anything else.
pub(crate) fn object_text(value: Option<&RawValue>) -> Option<Option<Arc<str>>> {
    match value.map(RawValue::get) {
        None => Some(None),
        Some(object) if object.starts_with('{') => Some(Some(Arc::from(object))),
        Some(_) => None,
    }
}

/// The `data` of an application's event, taken out of the message that carries it.
#[must_use]
pub fn event_data(message: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Event {
        data: String,
    }
    serde_json::from_slice(message)
        .ok()
        .map(|Event { data }| data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_a_value_is_on_the_wire() {
        for (value, expect) in [
            (r#""text""#, "text"),
            (r#""a \"b\" \u00eb""#, "a \"b\" ë"),
            (r#"{"b": 1,  "a":2}"#, r#"{"b": 1,  "a":2}"#),
            ("[1, 2]", "[1, 2]"),
            ("null", "null"),
            ("1e400", "1e400"),
        ] {
            assert_eq!(wire_text(raw(value)).unwrap(), expect, "{value}");
        }
        assert!(wire_text(raw(r#""\ud800""#)).is_err());
    }

    #[test]
    fn what_clients_can_decrypt() {
        for (data, expect) in [
            (r#"{"nonce":"n","ciphertext":"c"}"#, true),
            (r#" {"ciphertext":"\u0063","x":[[]],"nonce":""} "#, true),
            (r#"{"nonce":"n"}"#, false),
            (r#"{"nonce":1,"ciphertext":"c"}"#, false),
            (r#"{"nonce":null,"ciphertext":"c"}"#, false),
            (r#"{"nonce":"n","ciphertext":"c"} x"#, false),
            (r#"["n","c"]"#, false),
            (r#""{}""#, false),
            ("{}", false),
            ("", false),
        ] {
            assert_eq!(encrypted_envelope(data), expect, "{data}");
        }
    }

    #[test]
    fn what_a_message_carries() {
        for (message, expect) in [
            (r#"{"event":"e","data":"{}"}"#, Some("{}")),
            (r#"{"data":{}}"#, None),
            (r#"{"event":"e"}"#, None),
            ("", None),
        ] {
            assert_eq!(
                event_data(message.as_bytes()).as_deref(),
                expect,
                "{message}"
            );
        }
    }

    #[test]
    fn user_info_is_an_object_or_absent() {
        for (value, expect) in [
            (None, Some(None)),
            (Some(r#"{"a": 1}"#), Some(Some(r#"{"a": 1}"#))),
            (Some("[]"), None),
            (Some("null"), None),
            (Some("7"), None),
        ] {
            let text = object_text(value.map(raw));
            let text = text.as_ref().map(|text| text.as_deref());
            assert_eq!(text, expect, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn any_string_is_itself_on_the_wire(text: String) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(wire_text(raw(&json)).unwrap(), text);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = (encrypted_envelope(&text), event_data(text.as_bytes()));
        }
    }
}
