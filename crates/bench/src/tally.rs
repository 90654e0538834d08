//! Which numbers of a sequence have arrived: once, late, or again.

/// How an event arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// After all that was seen before.
    InOrder,
    /// For the first time, but after one that follows it.
    Late,
    /// Not for the first time.
    Again,
}

/// The numbers seen of one publisher at one subscriber. What is missing in the end is known from
/// totals, so only the last 64 numbers are kept.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Above all numbers seen.
    next: u32,
    /// The lowest bit is of the number below `next`, the next bit of the one below that.
    last: u64,
}

impl Seen {
    /// How many numbers there are up to the highest that was seen.
    pub(crate) fn span(self) -> u64 {
        u64::from(self.next)
    }

    /// Notes a number. One that is too far back to tell counts as late.
    pub(crate) fn note(&mut self, number: u32) -> Arrival {
        if number >= self.next {
            let step = number - self.next;
            self.last = self.last.checked_shl(step).unwrap_or_default();
            self.last = (self.last << 1) | 1;
            self.next = number.saturating_add(1);
            return Arrival::InOrder;
        }
        let bit = 1_u64
            .checked_shl(self.next - 1 - number)
            .unwrap_or_default();
        let known = self.last & bit != 0;
        self.last |= bit;
        if known { Arrival::Again } else { Arrival::Late }
    }
}

#[cfg(test)]
mod tests {
    use super::Arrival::{Again, InOrder, Late};
    use super::*;

    fn note(numbers: &[u32]) -> Vec<Arrival> {
        let mut seen = Seen::default();
        numbers.iter().map(|number| seen.note(*number)).collect()
    }

    #[test]
    fn a_number_is_in_order_late_or_there_again() {
        assert_eq!(note(&[0, 1, 2]), [InOrder; 3]);
        assert_eq!(note(&[0, 0]), [InOrder, Again]);
        assert_eq!(note(&[0, 2, 1]), [InOrder, InOrder, Late]);
        assert_eq!(note(&[2, 1, 1, 2]), [InOrder, Late, Again, Again]);
    }

    #[test]
    fn the_span_has_the_numbers_that_are_missing_too() {
        let mut seen = Seen::default();
        assert_eq!(seen.span(), 0);
        seen.note(4);
        seen.note(1);
        assert_eq!(seen.span(), 5);
    }

    #[test]
    fn only_the_last_numbers_are_known() {
        assert_eq!(note(&[0, 63, 0]), [InOrder, InOrder, Again]);
        assert_eq!(note(&[0, 64, 0]), [InOrder, InOrder, Late]);
        assert_eq!(note(&[0, 500, 499, 499]), [InOrder, InOrder, Late, Again]);
    }
}
