//! The client's socket, which the web server has shared and may still hold.
//!
//! The daemon shares the file description with the web server, so it does not change its flags.
//! Each call passes `MSG_DONTWAIT` instead, which works with blocking and non-blocking sockets.
//!
//! While an answer runs, the daemon reads and discards what the client sends. So it notices that
//! the client left while the API is silent. And no unread byte can turn the daemon's close into
//! a reset, which would destroy the end of the answer. A client that shuts down its sending side
//! looks like one that has left. Only a write could distinguish the two, so both count as gone.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::set_tcp_nodelay;
use rustix::net::{RecvFlags, SendFlags, Shutdown, connect_unspec, recv, send, shutdown};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::waiting::{after, watch};

/// The contract's limits on reading after the answer's end (R8).
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1 << 20;

/// Replaces [`LINGER_TIME`] after the shutdown timeout.
pub const HURRIED_LINGER: Duration = Duration::from_millis(100);

/// The reason why a client can receive nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    Left,
    Stalled,
}

/// A client's connected socket.
#[derive(Debug)]
pub struct Client(AsyncFd<OwnedFd>);

impl Client {
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        // Events are small, and Nagle's algorithm would delay them. Unix sockets refuse the option.
        let _ = set_tcp_nodelay(&socket, true);
        Ok(Self(watch(socket, Interest::READABLE | Interest::WRITABLE)?))
    }

    /// Returns when the client has left. Discards what the client sends until then.
    pub async fn left(&self) {
        self.discard(usize::MAX).await;
    }

    /// Ends the answer. The client sees the end even while the web server holds the socket.
    pub fn finish(&self) {
        let _ = shutdown(self.0.get_ref(), Shutdown::Write);
    }

    /// Waits for the client to close after [`Client::finish`]. The wait is short once `ending` is
    /// cancelled.
    pub async fn linger(&self, ending: &CancellationToken) {
        tokio::select! {
            () = self.discard(LINGER_BYTES) => {}
            () = sleep(LINGER_TIME) => {}
            () = after(ending, HURRIED_LINGER) => {}
        }
    }

    /// Resets the connection of a client that stalled or left. The reset discards the kernel's
    /// send buffer, so that half an answer does not look like a complete one. A close has no
    /// effect while the web server holds the socket, but `connect(AF_UNSPEC)` resets it.
    pub fn abandon(&self) {
        if connect_unspec(self.0.get_ref()).is_err() {
            let _ = shutdown(self.0.get_ref(), Shutdown::Both);
        }
    }

    /// Reads and discards until the client has left, or has sent more than `limit` bytes.
    async fn discard(&self, limit: usize) {
        let mut discarded = 0;
        while let Ok(mut ready) = self.0.readable().await {
            let mut scratch = [0; 4096];
            match recv(self.0.get_ref(), &mut scratch[..], RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return,
                Ok((_, count)) => discarded += count,
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
            if discarded > limit {
                return;
            }
        }
    }

    fn send_now(&self, data: &[u8]) -> Result<usize, Errno> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        rustix::io::retry_on_intr(|| send(self.0.get_ref(), data, flags))
    }

    /// Waits until the kernel accepts bytes, and returns how many it accepted.
    async fn send(&self, data: &[u8]) -> Result<usize, Errno> {
        // The kernel accepts bytes long before it reports room, so try before waiting.
        let mut sent = self.send_now(data);
        while sent == Err(Errno::AGAIN) {
            let mut ready = self.0.writable().await.map_err(|_| Errno::PIPE)?;
            sent = self.send_now(data);
            if sent == Err(Errno::AGAIN) {
                ready.clear_ready();
            }
        }
        sent
    }
}

/// The send buffer of a client's answer. It sends all bytes in order and once, however often
/// sending is interrupted.
#[derive(Debug)]
pub struct Answer<'a> {
    client: &'a Client,
    write_timeout: Duration,
    unsent: Vec<u8>,
    /// How many bytes of `unsent` the kernel has accepted.
    sent: usize,
    /// The answer has a first byte.
    pub began: bool,
}

/// The memory that an empty buffer keeps, in bytes. Most events are smaller.
const KEPT: usize = 1024;

impl<'a> Answer<'a> {
    pub fn new(client: &'a Client, write_timeout: Duration) -> Self {
        Self { client, write_timeout, unsent: Vec::new(), sent: 0, began: false }
    }

    /// Returns the buffer, for appending.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.began = true;
        &mut self.unsent
    }

    pub fn put(&mut self, text: &str) {
        self.buffer().extend_from_slice(text.as_bytes());
    }

    /// Sends the buffer, and waits while the client does not read. The timeout starts again with
    /// each byte that the client's kernel accepts, so a slow client does not count as stalled.
    pub async fn flush(&mut self) -> Result<(), Lost> {
        while self.sent < self.unsent.len() {
            let data = &self.unsent[self.sent..];
            let sent = match timeout(self.write_timeout, self.client.send(data)).await {
                Ok(sent) => sent,
                // The kernel reports room only when a large part of its buffer is free. A slow
                // client has freed less, so try once more before giving up.
                Err(_) => self.client.send_now(data),
            };
            self.sent += match sent {
                Ok(count) => count,
                Err(Errno::AGAIN) => return Err(Lost::Stalled),
                Err(_) => return Err(Lost::Left),
            };
        }
        self.unsent.clear();
        self.unsent.shrink_to(KEPT);
        self.sent = 0;
        Ok(())
    }
}
