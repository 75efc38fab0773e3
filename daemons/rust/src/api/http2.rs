//! An HTTP/2 client connection to the API, with many streams, on the h2 crate.
//!
//! hyper uses the same crate. This module does not use hyper, because the contract needs two
//! facts that hyper hides: the API's limit on streams, and whether a GOAWAY ended a stream.
//! Dropping an answer resets only its own stream.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Ping, PingPong, Reason, RecvStream};
use http::Request;
use http::response::Parts;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::Failure;
use super::link::{Link, Received};

/// How many bytes the API may send ahead on a stream whose client stalls. 10,000 stalled clients
/// then hold 655 MB. No model writes 64 KiB in one round trip, so this does not slow a stream.
const STREAM_WINDOW: u32 = 64 << 10;

/// More than the stalled streams of a connection can fill, so they do not block the others.
const CONNECTION_WINDOW: u32 = 1 << 30;

/// Pings detect a connection that is dead although neither side closed it.
const PING_AFTER: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// After how many rounds of pings without a stream the daemon closes a connection.
const UNUSED_ROUNDS: u32 = 3;

/// An HTTP/2 connection, which its streams share.
pub struct Connection {
    sender: SendRequest<Bytes>,
    received: Received,
    streams: AtomicUsize,
    used: AtomicBool,
    task: AbortOnDropHandle<()>,
}

impl Connection {
    /// Starts HTTP/2 on a link. Waits for the answer to a ping, because the API's SETTINGS arrive
    /// before it. Without them the client would guess the limit on streams, and the API would
    /// refuse the streams above it.
    pub async fn open(link: Link) -> Result<Arc<Self>, h2::Error> {
        let received = link.received();
        let (sender, mut connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .enable_push(false)
            // Each client that leaves causes a reset. Many resets are not an attack.
            .max_local_error_reset_streams(None)
            .handshake(link)
            .await?;
        let pings = connection.ping_pong();
        let task = AbortOnDropHandle::new(tokio::spawn(async {
            // h2 reports a failure to each stream too.
            let _ = connection.await;
        }));
        let this = Arc::new(Self {
            sender,
            received,
            streams: AtomicUsize::new(0),
            used: AtomicBool::new(false),
            task,
        });
        if let Some(mut pings) = pings {
            pings.ping(Ping::opaque()).await?;
            tokio::spawn(attend(Arc::downgrade(&this), pings));
        }
        Ok(this)
    }

    /// Reports whether the connection can never open another stream: it has ended, or the API
    /// has sent GOAWAY.
    pub fn retired(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        matches!(self.sender.clone().poll_ready(&mut context), Poll::Ready(Err(_)))
    }

    /// Reserves one more stream, if the API's limit allows it.
    pub fn reserve(self: &Arc<Self>) -> Option<Reservation> {
        // With a limit of zero no request could ever be sent. Try one stream.
        let limit = self.sender.current_max_send_streams().max(1);
        let add = |streams| (streams < limit).then_some(streams + 1);
        self.streams.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok()?;
        Some(Reservation {
            reused: self.used.swap(true, Ordering::Relaxed),
            connection: Arc::clone(self),
        })
    }
}

/// Pings a connection from time to time. Closes it when it is dead or unused.
async fn attend(connection: Weak<Connection>, mut pings: PingPong) {
    let mut unused = 0;
    loop {
        sleep(PING_AFTER).await;
        let Some(connection) = connection.upgrade() else {
            return;
        };
        let idle = connection.streams.load(Ordering::Relaxed) == 0;
        unused = if idle { unused + 1 } else { 0 };
        let pong = timeout(PING_TIMEOUT, pings.ping(Ping::opaque())).await;
        if unused >= UNUSED_ROUNDS || !matches!(pong, Ok(Ok(_))) {
            connection.task.abort();
            return;
        }
    }
}

/// The right to open a stream on a connection. Dropping it gives it back.
pub struct Reservation {
    connection: Arc<Connection>,
    /// The connection has carried a request before.
    reused: bool,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.connection.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Reservation {
    /// Sends a request and waits for the head of its response.
    pub async fn send(self, request: Request<Bytes>) -> Result<(Parts, Body), Failure> {
        let before = self.connection.received.bytes();
        match exchange(self.connection.sender.clone(), request).await {
            Ok((parts, stream)) => Ok((parts, Body { stream, _reservation: self })),
            Err(error) => {
                let silent = self.connection.received.bytes() == before;
                Err(Failure {
                    unprocessed: refused(&error) || self.reused && silent && error.is_io(),
                    reason: error.to_string(),
                })
            }
        }
    }
}

async fn exchange(
    sender: SendRequest<Bytes>,
    request: Request<Bytes>,
) -> Result<(Parts, RecvStream), h2::Error> {
    let (head, body) = request.into_parts();
    let mut sender = sender.ready().await?;
    let (response, mut stream) = sender.send_request(Request::from_parts(head, ()), false)?;
    // The response may arrive before the API has read the whole body.
    stream.send_data(body, true)?;
    Ok(response.await?.into_parts())
}

/// Reports whether the API declared the request unprocessed. h2 reports a GOAWAY only to the
/// streams above its last stream id.
fn refused(error: &h2::Error) -> bool {
    error.is_remote()
        && (error.is_go_away()
            || error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM))
}

/// The body of a response.
pub struct Body {
    stream: RecvStream,
    _reservation: Reservation,
}

impl Body {
    /// Returns the next piece, or `None` at `END_STREAM`. Each call widens the API's window by the
    /// size of the piece.
    pub async fn next(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            match self.stream.data().await? {
                Ok(data) => {
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    if !data.is_empty() {
                        return Some(Ok(data));
                    }
                }
                Err(error) => return Some(Err(error.to_string())),
            }
        }
    }
}

#[cfg(test)]
mod tests;
