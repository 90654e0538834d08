//! Answers of an HTTP/1.1 server, as far as a publisher reads them.

use memchr::memmem;

/// An answer at the head of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
    /// Bytes of the whole answer.
    pub(crate) length: usize,
    /// Whether the connection ends with it.
    pub(crate) last: bool,
}

/// How the end of a body is known.
enum Body {
    Bytes(usize),
    Chunks,
}

/// Reads an answer; `None` while it is not complete.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Answer<'_>>, &'static str> {
    let Some(head_end) = memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, body) = bytes.split_at(head_end);
    let body = body.get(4..).unwrap_or_default();
    let head = str::from_utf8(head).map_err(|_| "its head is not valid UTF-8")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(status).ok_or("it is not HTTP/1.1")?;
    let mut kind = Body::Bytes(0);
    let mut last = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let length = value
                .parse()
                .map_err(|_| "its content-length is no number")?;
            kind = Body::Bytes(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            kind = Body::Chunks;
        } else if name.eq_ignore_ascii_case("connection") {
            last = value.eq_ignore_ascii_case("close");
        }
    }
    let length = match kind {
        Body::Bytes(length) => Some(length),
        Body::Chunks => chunks(body)?,
    };
    let body = length.and_then(|length| body.get(..length));
    Ok(body.map(|body| Answer {
        status,
        body,
        length: head_end + 4 + body.len(),
        last,
    }))
}

fn status(line: &str) -> Option<u16> {
    line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// Bytes of a chunked body, its frame included; `None` while it is not complete.
fn chunks(body: &[u8]) -> Result<Option<usize>, &'static str> {
    let mut rest = body;
    loop {
        let Some(line) = memmem::find(rest, b"\r\n") else {
            return Ok(None);
        };
        let size = rest.get(..line).and_then(|size| str::from_utf8(size).ok());
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or("a chunk has no size")?;
        match rest.get(line.saturating_add(size).saturating_add(4)..) {
            Some(after) if size == 0 => return Ok(Some(body.len() - after.len())),
            Some(after) => rest = after,
            None => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, status: u16, body: &str, last: bool) {
        let whole = format!("{text}rest");
        let answer = read(whole.as_bytes()).unwrap().unwrap();
        let expect = Answer {
            status,
            body: body.as_bytes(),
            length: text.len(),
            last,
        };
        assert_eq!(answer, expect);
        for short in 0..text.len() {
            assert_eq!(read(&text.as_bytes()[..short]), Ok(None), "{short}");
        }
    }

    #[test]
    fn the_end_is_known_by_length_or_chunks() {
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            200,
            "{}",
            false,
        );
        check(
            "HTTP/1.1 503 Busy\r\nconnection: close\r\n\r\n",
            503,
            "",
            true,
        );
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let body = "2\r\n{}\r\nA\r\n0123456789\r\n0\r\n\r\n";
        check(&format!("{chunked}{body}"), 200, body, false);
    }

    #[test]
    fn other_protocols_are_refused() {
        for text in [
            "HTTP/1.0 200 OK\r\n\r\n",
            "220 mail\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
