//! The client's socket, which the web server has shared and may still hold.
//!
//! Its file description is not ours alone, so its flags are left as they are: every call says
//! `MSG_DONTWAIT` for itself, which works whether the sender keeps the socket blocking or not.
//!
//! While an answer runs, whatever the client sends is read and dropped. That is how its
//! leaving is noticed while the API is silent, and what keeps unread bytes from turning our
//! closing into a reset that would destroy the answer's tail. A client that shuts down its
//! sending side looks just like one that has left, and is treated as such: there is no way
//! to tell them apart without writing.

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

/// The contract's bounds on what is read after the answer's end (R8).
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1 << 20;

/// Replaces [`LINGER_TIME`] once the daemon has to end.
pub const HURRIED_LINGER: Duration = Duration::from_millis(100);

/// Why there is nobody to answer.
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
        // Events are small and must not wait for one another; on a Unix socket none does.
        let _ = set_tcp_nodelay(&socket, true);
        Ok(Self(watch(socket, Interest::READABLE | Interest::WRITABLE)?))
    }

    /// Returns when the client has left. Until then, all it sends is dropped.
    pub async fn left(&self) {
        self.discard(usize::MAX).await;
    }

    /// Ends the answer, which the client sees even while somebody else holds the socket.
    pub fn finish(&self) {
        let _ = shutdown(self.0.get_ref(), Shutdown::Write);
    }

    /// Waits, after [`Client::finish`], for the client to close; in a hurry once the daemon
    /// has to end.
    pub async fn linger(&self, ending: &CancellationToken) {
        tokio::select! {
            () = self.discard(LINGER_BYTES) => {}
            () = sleep(LINGER_TIME) => {}
            () = after(ending, HURRIED_LINGER) => {}
        }
    }

    /// Drops a client that no longer reads, and with it what waits in the kernel's buffer: half
    /// an answer must not look like a whole one. Closing would do nothing while the sender
    /// holds the socket; disconnecting resets it.
    pub fn abandon(&self) {
        if connect_unspec(self.0.get_ref()).is_err() {
            let _ = shutdown(self.0.get_ref(), Shutdown::Both);
        }
    }

    /// Reads and drops until the client is gone, or has sent more than `limit` bytes.
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

    /// Sends what the kernel takes, as soon as it takes something.
    async fn send(&self, data: &[u8]) -> Result<usize, Errno> {
        // It takes something long before it announces room, so it is asked first.
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

/// The answer on its way to a client. What was put into it is sent in order, and nothing
/// twice, however often sending is interrupted.
#[derive(Debug)]
pub struct Answer<'a> {
    client: &'a Client,
    write_timeout: Duration,
    unsent: Vec<u8>,
    /// How much of `unsent` the kernel has taken.
    sent: usize,
    /// Something has been put into it.
    pub began: bool,
}

/// What an empty buffer may keep of its memory. Most events are smaller.
const KEPT: usize = 1024;

impl<'a> Answer<'a> {
    pub fn new(client: &'a Client, write_timeout: Duration) -> Self {
        Self { client, write_timeout, unsent: Vec::new(), sent: 0, began: false }
    }

    /// Where to append what is to be sent next.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.began = true;
        &mut self.unsent
    }

    pub fn put(&mut self, text: &str) {
        self.buffer().extend_from_slice(text.as_bytes());
    }

    /// Sends what was put, at the client's pace. Time counts from the last byte that the
    /// client's kernel took, so that a slow client is never taken for a stalled one.
    pub async fn flush(&mut self) -> Result<(), Lost> {
        while self.sent < self.unsent.len() {
            let data = &self.unsent[self.sent..];
            let sent = match timeout(self.write_timeout, self.client.send(data)).await {
                Ok(sent) => sent,
                // The kernel announces room when a good part of the buffer is free. A client
                // that reads in sips has made less; so ask before giving it up.
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
