//! The far end of a stream: takes the chunks apart and reads lines.

use tokio::io::AsyncReadExt as _;

use super::*;

/// A client that reads a stream.
pub(super) struct Client {
    pipe: DuplexStream,
    version: Version,
    /// What came in and was not looked at.
    raw: Vec<u8>,
    /// What came in of the body and was not read.
    body: Vec<u8>,
    units: usize,
    at: At,
}

/// Where the client is in the response.
#[derive(PartialEq, Eq)]
enum At {
    Head,
    Body,
    End,
}

impl Client {
    pub(super) fn new(pipe: DuplexStream, version: Version) -> Self {
        Self {
            pipe,
            version,
            raw: Vec::new(),
            body: Vec::new(),
            units: 0,
            at: At::Head,
        }
    }

    /// The next line without its end.
    pub(super) async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.body.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.body.drain(..=end).collect();
                let line = String::from_utf8(line).unwrap();
                self.units += line.encode_utf16().count();
                return line.trim_end_matches('\n').to_owned();
            }
            assert!(self.more().await > 0, "the stream has ended");
        }
    }

    /// The first line that begins so.
    pub(super) async fn until(&mut self, beginning: &str) -> String {
        loop {
            let line = self.line().await;
            if line.starts_with(beginning) {
                return line;
            }
        }
    }

    /// UTF-16 units that were read.
    pub(super) fn units(&self) -> usize {
        self.units
    }

    /// Whether nothing has come that was not read.
    pub(super) fn is_quiet(&mut self) -> bool {
        let waker = std::task::Waker::noop();
        let mut cx = std::task::Context::from_waker(waker);
        let mut bytes = [0; 1];
        let mut buffer = tokio::io::ReadBuf::new(&mut bytes);
        let pipe = std::pin::Pin::new(&mut self.pipe);
        self.body.is_empty()
            && tokio::io::AsyncRead::poll_read(pipe, &mut cx, &mut buffer).is_pending()
    }

    /// The response ends as it should.
    pub(super) async fn expect_end(&mut self) {
        while self.more().await > 0 {}
        assert!(self.at == At::End || self.version == Version::Http10);
        assert!(
            self.body.is_empty() && self.raw.is_empty(),
            "nothing behind the end"
        );
    }

    /// The response ends in the middle.
    pub(super) async fn expect_cut(&mut self) {
        while self.more().await > 0 {}
        assert!(self.at == At::Body, "not the last chunk");
    }

    async fn more(&mut self) -> usize {
        let read = self.pipe.read_buf(&mut self.raw).await.unwrap();
        if self.at == At::Head
            && let Some(end) = self.raw.windows(4).position(|four| four == b"\r\n\r\n")
        {
            self.raw.drain(..end + 4);
            self.at = At::Body;
        }
        if self.at == At::Body {
            match self.version {
                Version::Http10 => self.body.append(&mut self.raw),
                Version::Http11 => self.take_chunks(),
            }
        }
        read
    }

    fn take_chunks(&mut self) {
        while let Some(end) = self.raw.windows(2).position(|two| two == b"\r\n") {
            let size = str::from_utf8(&self.raw[..end]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            if self.raw.len() < end + 2 + size + 2 {
                return;
            }
            self.body.extend_from_slice(&self.raw[end + 2..][..size]);
            assert_eq!(&self.raw[end + 2 + size..][..2], b"\r\n");
            self.raw.drain(..end + 2 + size + 2);
            if size == 0 {
                self.at = At::End;
                return;
            }
        }
    }
}
