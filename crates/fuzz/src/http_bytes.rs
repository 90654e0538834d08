//! What comes out of a client's socket while it speaks HTTP.

use std::mem::MaybeUninit;

use crate::body::{Decoder, NoChunks};
use crate::head::{Expects, Framing, HEADERS, Head, Persistence, Unreadable, Version};

/// One thing that was read.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    /// The head of a request.
    Head(Request),
    /// All of its body.
    Body(Vec<u8>),
    /// Something that is no head. Nothing is read after it.
    NoHead(Unreadable),
    /// Something that is no body. Nothing is read after it.
    NoBody,
}

#[derive(Debug, PartialEq, Eq)]
struct Request {
    method: String,
    target: [String; 2],
    framing: Framing,
    persistence: Persistence,
    expects: Expects,
}

/// The first byte is how many of the others arrive at a time, less one.
///
/// Requests and bodies do not depend on that; a body has the length that was announced, and two
/// ways to tell its end never stand beside each other.
pub fn http_bytes(data: &[u8]) {
    let Some((&size, bytes)) = data.split_first() else {
        return;
    };
    let whole = read([bytes].into_iter());
    let in_pieces = read(bytes.chunks(usize::from(size) + 1));
    assert_eq!(whole, in_pieces);
    let mut announced = None;
    for read in whole {
        match (read, announced.take()) {
            (Read::Head(request), _) => announced = Some(request.framing),
            (Read::Body(body), Some(Framing::Length(length))) => {
                assert_eq!(body.len() as u64, length);
            }
            (Read::Body(_), _) | (Read::NoHead(_) | Read::NoBody, _) => {}
        }
    }
}

/// All that is read from `pieces`, as a connection reads it.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Read> {
    let (mut input, mut found) = (Vec::new(), Vec::new());
    let mut body: Option<(Decoder, Vec<u8>)> = None;
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            if let Some((mut decoder, mut content)) = body.take() {
                match decoder.decode(&input, &mut content) {
                    Ok(used) => drop(input.drain(..used)),
                    Err(NoChunks) => {
                        found.push(Read::NoBody);
                        return found;
                    }
                }
                if !decoder.is_done() {
                    assert!(input.is_empty(), "all of it belongs to the body");
                    body = Some((decoder, content));
                    break;
                }
                found.push(Read::Body(content));
            }
            let (length, request) = match head(&input) {
                Ok(Some(head)) => head,
                Ok(None) => break,
                Err(unreadable) => {
                    found.push(Read::NoHead(unreadable));
                    return found;
                }
            };
            input.drain(..length);
            body = Some((Decoder::new(request.framing), Vec::new()));
            found.push(Read::Head(request));
        }
    }
    found
}

/// The head at the beginning of `input`, and its length.
fn head(input: &[u8]) -> Result<Option<(usize, Request)>, Unreadable> {
    let mut room = [const { MaybeUninit::uninit() }; HEADERS];
    let Some(head) = Head::read(input, &mut room)? else {
        return Ok(None);
    };
    let coded = head.value("transfer-encoding").is_some();
    let counted = head.value("content-length").is_some();
    assert!(!(coded && counted), "two ways to tell the end");
    assert_eq!(coded, head.framing == Framing::Chunked);
    assert!(!coded || head.version == Version::Http11);
    let close = head.has_token("connection", "close");
    assert!(!close || head.persistence == Persistence::Closes);
    let request = Request {
        method: head.method.to_owned(),
        target: [head.path.to_owned(), head.query.to_owned()],
        framing: head.framing,
        persistence: head.persistence,
        expects: head.expects,
    };
    Ok(Some((head.length, request)))
}
