//! The body of a request: bytes in, content out (RFC 9112 §6.3 and §7.1).

use super::head::Framing;

/// Bytes of a chunked body that are no content beyond what chunks need: extensions, trailers.
const MAX_TRIMMINGS: usize = 16 * 1_024;

/// Digits of a chunk's size; more could not be a size that is read here.
const MAX_DIGITS: u8 = 15;

/// Finds the end of a body, and its content, in bytes that arrive in pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decoder {
    state: State,
    /// Bytes of extensions and trailers so far.
    trimmings: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A body of known length, of which so much is missing.
    Content(u64),
    /// The size of a chunk, of which so many digits are read.
    Size {
        value: u64,
        digits: u8,
    },
    /// Blanks behind the size.
    Blank {
        size: u64,
    },
    /// What follows the size on its line is of no interest.
    Extension {
        size: u64,
    },
    /// The line of the size ends.
    SizeEnd {
        size: u64,
    },
    /// A chunk, of which so much is missing.
    Chunk(u64),
    /// The two bytes behind a chunk.
    ChunkReturn,
    ChunkEnd,
    /// A line behind the last chunk begins, goes on, ends.
    TrailerStart,
    Trailer,
    TrailerEnd,
    /// The empty line at the end of everything ends.
    LastEnd,
    Done,
}

/// The bytes are no chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoChunks;

impl Decoder {
    /// For a body that is framed so.
    pub(crate) fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Content(length),
            Framing::Chunked => State::SIZE,
        };
        Self {
            state,
            trimmings: 0,
        }
    }

    /// Whether the body has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Adds what `bytes` hold of the body to `content`, and says how many of them belong to it: all
    /// of them, unless it has ended.
    ///
    /// # Errors
    /// The bytes are no chunks. There is nothing more to be read.
    pub(crate) fn decode(
        &mut self,
        bytes: &[u8],
        content: &mut Vec<u8>,
    ) -> Result<usize, NoChunks> {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_done() {
            if let State::Content(missing) | State::Chunk(missing) = self.state {
                let here = usize::try_from(missing).unwrap_or(usize::MAX);
                let (taken, more) = rest.split_at_checked(here).unwrap_or((rest, &[]));
                content.extend_from_slice(taken);
                rest = more;
                self.state = self.state.shorter(taken.len() as u64);
            } else if let Some((&byte, more)) = rest.split_first() {
                rest = more;
                self.state = self.state.after(byte).ok_or(NoChunks)?;
                if self.state.is_trimming() {
                    self.trimmings += 1;
                    if self.trimmings > MAX_TRIMMINGS {
                        return Err(NoChunks);
                    }
                }
            }
        }
        Ok(bytes.len() - rest.len())
    }
}

impl State {
    const SIZE: Self = Self::Size {
        value: 0,
        digits: 0,
    };

    /// Whether it stands for bytes that chunks do not need.
    fn is_trimming(self) -> bool {
        matches!(
            self,
            Self::Blank { .. } | Self::Extension { .. } | Self::Trailer
        )
    }

    /// After so many bytes of content.
    fn shorter(self, taken: u64) -> Self {
        match self {
            Self::Content(missing) if missing > taken => Self::Content(missing - taken),
            Self::Content(_) => Self::Done,
            Self::Chunk(missing) if missing > taken => Self::Chunk(missing - taken),
            _ => Self::ChunkReturn,
        }
    }

    /// After a byte that is no content; `None` if it has no place here.
    fn after(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Size { value, digits }, _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16)?;
                (digits < MAX_DIGITS).then_some(Self::Size {
                    value: value << 4 | u64::from(digit),
                    digits: digits + 1,
                })
            }
            (Self::Size { digits: 0, .. }, _) => None,
            (Self::Size { value, .. }, b'\r') => Some(Self::SizeEnd { size: value }),
            (Self::Size { value, .. }, b';') => Some(Self::Extension { size: value }),
            (Self::Size { value, .. }, b' ' | b'\t') => Some(Self::Blank { size: value }),
            (Self::Blank { size }, b' ' | b'\t') => Some(Self::Blank { size }),
            (Self::Blank { size }, b';') => Some(Self::Extension { size }),
            (Self::Blank { size }, b'\r') => Some(Self::SizeEnd { size }),
            (Self::Extension { size }, b'\r') => Some(Self::SizeEnd { size }),
            (Self::Extension { .. } | Self::Trailer, b'\n') => None,
            (Self::Extension { size }, _) => Some(Self::Extension { size }),
            (Self::SizeEnd { size: 0 }, b'\n') => Some(Self::TrailerStart),
            (Self::SizeEnd { size }, b'\n') => Some(Self::Chunk(size)),
            (Self::ChunkReturn, b'\r') => Some(Self::ChunkEnd),
            (Self::ChunkEnd, b'\n') => Some(Self::SIZE),
            (Self::TrailerStart, b'\r') => Some(Self::LastEnd),
            (Self::Trailer, b'\r') => Some(Self::TrailerEnd),
            (Self::TrailerStart, b'\n') => None,
            (Self::TrailerStart | Self::Trailer, _) => Some(Self::Trailer),
            (Self::TrailerEnd, b'\n') => Some(Self::TrailerStart),
            (Self::LastEnd, b'\n') => Some(Self::Done),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The content, and what follows it.
    type Found<'a> = (Vec<u8>, &'a [u8]);

    /// What is found of a body; nothing of one that has not ended.
    fn decode(framing: Framing, bytes: &[u8]) -> Result<Option<Found<'_>>, NoChunks> {
        let (mut decoder, mut content) = (Decoder::new(framing), Vec::new());
        let taken = decoder.decode(bytes, &mut content)?;
        Ok(decoder.is_done().then(|| (content, &bytes[taken..])))
    }

    #[test]
    fn a_body_of_known_length_ends_there() {
        for (length, bytes, expect) in [
            (0, &b"next"[..], Some((&b""[..], &b"next"[..]))),
            (3, b"abcnext", Some((b"abc", b"next"))),
            (3, b"abc", Some((b"abc", b""))),
            (3, b"ab", None),
        ] {
            let found = decode(Framing::Length(length), bytes).unwrap();
            let found = found.as_ref().map(|(content, rest)| (&**content, *rest));
            assert_eq!(found, expect, "{length} of {bytes:?}");
        }
    }

    #[test]
    fn chunks() {
        for (bytes, expect) in [
            ("0\r\n\r\n", Ok(Some(("", "")))),
            ("3\r\nabc\r\n0\r\n\r\nnext", Ok(Some(("abc", "next")))),
            (
                "3\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\n",
                Ok(Some(("abc0123456789", ""))),
            ),
            ("3;name=\"x\"\r\nabc\r\n0\r\n\r\n", Ok(Some(("abc", "")))),
            (
                "3 \r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\nn",
                Ok(Some(("abc", "n"))),
            ),
            ("3\r\nabc\r\n0\r\n", Ok(None)),
            ("3\r\nab", Ok(None)),
            ("\r\n", Err(NoChunks)),
            ("x\r\n", Err(NoChunks)),
            ("-1\r\n", Err(NoChunks)),
            (" 3\r\nabc", Err(NoChunks)),
            ("3 5\r\nabc", Err(NoChunks)),
            ("3 \t;x\r\nabc\r\n0\r\n\r\n", Ok(Some(("abc", "")))),
            ("0x3\r\nabc", Err(NoChunks)),
            ("3\nabc\n0\n\n", Err(NoChunks)),
            ("3\r\nabcd\r\n", Err(NoChunks)),
            ("3\r\nabc\n0\r\n\r\n", Err(NoChunks)),
            ("3;x\nabc", Err(NoChunks)),
            ("0\r\n\n", Err(NoChunks)),
            ("0\r\nA: b\n\r\n", Err(NoChunks)),
            ("1000000000000000\r\n", Err(NoChunks)),
        ] {
            let found = decode(Framing::Chunked, bytes.as_bytes());
            let expect = expect.map(|found| {
                found.map(|(content, rest)| (content.as_bytes().to_vec(), rest.as_bytes()))
            });
            assert_eq!(found, expect, "{bytes:?}");
        }
    }

    #[test]
    fn trimmings_have_an_end() {
        let extension = |length| format!("1;{}\r\n", "x".repeat(length));
        assert!(decode(Framing::Chunked, extension(MAX_TRIMMINGS - 1).as_bytes()).is_ok());
        assert!(decode(Framing::Chunked, extension(MAX_TRIMMINGS).as_bytes()).is_err());
        let trailer = format!("0\r\n{}", "A: b\r\n".repeat(MAX_TRIMMINGS));
        assert!(decode(Framing::Chunked, trailer.as_bytes()).is_err());
    }

    proptest! {
        /// However a body is cut into chunks, and these into pieces, its content is the same.
        #[test]
        fn pieces_do_not_matter(
            chunks in prop::collection::vec("[ -~]{1,40}", 0..6),
            cut in 1usize..20,
        ) {
            let mut bytes = String::new();
            for chunk in &chunks {
                bytes += &format!("{:x}\r\n{chunk}\r\n", chunk.len());
            }
            bytes += "0\r\n\r\n";
            let (mut decoder, mut content) = (Decoder::new(Framing::Chunked), Vec::new());
            for piece in bytes.as_bytes().chunks(cut) {
                prop_assert_eq!(decoder.decode(piece, &mut content), Ok(piece.len()));
            }
            prop_assert!(decoder.is_done());
            prop_assert_eq!(content, chunks.concat().into_bytes());
        }
    }
}
