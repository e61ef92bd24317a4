//! A pipe: what comes is read once, and nobody can be asked for it again.

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use crate::{
    Happening,
    feed::{Input, Next},
    position::Position,
};

/// How much is read at a time, and how often before whoever writes must wait.
const CHUNK_BYTES: usize = 1 << 16;
const CHUNKS_MAX: usize = 64;

/// A reader that may block, beside those who must not.
#[derive(Debug)]
pub(crate) struct Pipe {
    chunks: Receiver<io::Result<Vec<u8>>>,
    rest: Vec<u8>,
    given: usize,
}

impl Pipe {
    /// Reads `reader` in a thread of its own, which ends with it.
    pub(crate) fn new(mut reader: impl Read + Send + 'static) -> Self {
        let (send, chunks) = sync_channel(CHUNKS_MAX);
        thread::spawn(move || {
            loop {
                let mut chunk = vec![0; CHUNK_BYTES];
                let read = match reader.read(&mut chunk) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                    read => read,
                };
                let is_end = !matches!(read, Ok(1..));
                let sent = match read {
                    Ok(0) => return,
                    Ok(bytes) => {
                        chunk.truncate(bytes);
                        send.send(Ok(chunk))
                    }
                    Err(e) => send.send(Err(e)),
                };
                if is_end || sent.is_err() {
                    return;
                }
            }
        });
        Self { chunks, rest: Vec::new(), given: 0 }
    }
}

impl Input for Pipe {
    fn read(&mut self, into: &mut [u8], wait: Duration) -> io::Result<Next> {
        if self.given == self.rest.len() {
            match self.chunks.recv_timeout(wait) {
                Ok(chunk) => (self.rest, self.given) = (chunk?, 0),
                Err(RecvTimeoutError::Timeout) => return Ok(Next::Nothing),
                Err(RecvTimeoutError::Disconnected) => return Ok(Next::End),
            }
        }
        let bytes = (self.rest.len() - self.given).min(into.len());
        into[..bytes].copy_from_slice(&self.rest[self.given..self.given + bytes]);
        self.given += bytes;
        Ok(Next::Bytes(bytes))
    }

    fn turn(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    fn is_file(&self) -> bool {
        false
    }

    fn is_known(&mut self) {}

    fn resume(&mut self, _at: &Position) -> io::Result<bool> {
        Ok(false)
    }

    fn position(&self, _unread: u64) -> Option<Position> {
        None
    }

    fn lag(&self) -> u64 {
        (self.rest.len() - self.given) as u64
    }

    fn happened(&mut self) -> Vec<Happening> {
        Vec::new()
    }
}
