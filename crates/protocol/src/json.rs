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
    serde_json::from_str::<Envelope<'_>>(data).is_ok()
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
