//! Random numbers that become socket ids.

use parking_lot::Mutex;

/// Numbers that are drawn at a time.
const DRAWN: usize = 64;

/// Random numbers from the system, each given once. Who knows an id can exclude its connection from
/// an event, so a number must not follow from others; drawing several at a time spares a system
/// call for each and changes nothing of that.
#[derive(Debug, Default)]
pub(crate) struct Lots(Mutex<Vec<u64>>);

impl Lots {
    /// The next number.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn next(&self) -> Result<u64, getrandom::Error> {
        let mut left = self.0.lock();
        if left.is_empty() {
            let mut bytes = [0; DRAWN * size_of::<u64>()];
            getrandom::fill(&mut bytes)?;
            let (numbers, _) = bytes.as_chunks();
            left.extend(numbers.iter().map(|number| u64::from_ne_bytes(*number)));
        }
        left.pop().ok_or(getrandom::Error::UNEXPECTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_number_comes_twice() {
        let lots = Lots::default();
        let numbers: BTreeSet<u64> = (0..3 * DRAWN).map(|_| lots.next().unwrap()).collect();
        assert_eq!(numbers.len(), 3 * DRAWN);
    }
}
