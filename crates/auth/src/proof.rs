//! `KEY:SIGNATURE`, the form in which a WebSocket client shows what its back end signed.

use crate::{KeyRing, Secret, Signature};

/// Why `KEY:SIGNATURE` proves nothing; the parts are as the client sent them.
pub(crate) enum Refusal<'a> {
    /// There is not exactly one colon.
    Malformed,
    /// The key is not one of the app's.
    UnknownKey(&'a str),
    /// No accepted text has this signature.
    WrongSignature(&'a str),
}

/// Splits `auth`, finds the key and asks `signed` whether the secret made the signature.
pub(crate) fn check<'a>(
    ring: &KeyRing,
    auth: &'a str,
    signed: impl FnOnce(&Secret, Signature) -> bool,
) -> Result<(), Refusal<'a>> {
    let (key, digits) = auth.split_once(':').ok_or(Refusal::Malformed)?;
    if digits.contains(':') {
        return Err(Refusal::Malformed);
    }
    let credential = ring.find(key).ok_or(Refusal::UnknownKey(key))?;
    match Signature::parse(digits) {
        Ok(signature) if signed(&credential.secret, signature) => Ok(()),
        _ => Err(Refusal::WrongSignature(digits)),
    }
}
