//! Ids, keys and secrets that nobody chose.

use std::fmt::Write as _;

use super::refusal::Refusal;

/// An id: seven digits, because some SDKs take nothing else.
pub(super) fn id() -> Result<String, Refusal> {
    let random = getrandom::u64().map_err(Refusal::NoRandomness)?;
    Ok((1_000_000 + random % 9_000_000).to_string())
}

/// A key: in lower case, because one SDK makes it so.
pub(super) fn key() -> Result<String, Refusal> {
    hex::<10>()
}

/// A secret of 160 random bits.
pub(super) fn secret() -> Result<String, Refusal> {
    hex::<20>()
}

fn hex<const BYTES: usize>() -> Result<String, Refusal> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random).map_err(Refusal::NoRandomness)?;
    Ok(random.iter().fold(String::new(), |mut text, byte| {
        // A string takes everything.
        _ = write!(text, "{byte:02x}");
        text
    }))
}
