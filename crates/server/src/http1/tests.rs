//! Whole connections over a pipe, in virtual time.

use std::mem::MaybeUninit;

use super::head::{HEADERS, Head};

/// Lets `look` see the head of a request with these headers.
pub(crate) fn with_head<'h, R>(
    headers: impl Iterator<Item = (&'h str, &'h str)>,
    look: impl FnOnce(&Head<'_, '_>) -> R,
) -> R {
    let headers: String = headers
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let text = format!("GET / HTTP/1.1\r\n{headers}\r\n");
    let mut room = [const { MaybeUninit::uninit() }; HEADERS];
    look(&Head::read(text.as_bytes(), &mut room).unwrap().unwrap())
}
