//! HTTP/2 to the API: many answers on one connection, by the h2 crate.
//!
//! This is the layer that hyper itself stands on. It is used without hyper because the contract
//! needs what hyper hides: how many streams the API admits, and whether it was a GOAWAY that
//! ended one. Dropping an answer resets its stream and no other.

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
use super::link::{Heard, Link};

/// How far the API may send ahead on one stream while its client stalls: 10,000 stalled clients
/// cost 655 MB, and 64 KiB a round trip is more than any model writes.
const STREAM_WINDOW: u32 = 64 << 10;

/// Beyond what the stalled streams of a connection can hold together, so they starve no other.
const CONNECTION_WINDOW: u32 = 1 << 30;

/// Pings find out that a connection is dead though nobody closed it.
const PING_AFTER: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How many times in a row a connection may be found without streams before it is closed.
const UNUSED_ROUNDS: u32 = 3;

/// A connection, shared by its streams.
pub struct Connection {
    sender: SendRequest<Bytes>,
    heard: Heard,
    streams: AtomicUsize,
    used: AtomicBool,
    task: AbortOnDropHandle<()>,
}

impl Connection {
    /// Returns when the API's SETTINGS are known: its limit on streams would otherwise be
    /// guessed, and streams above it be refused. They come before the answer to a ping.
    pub async fn open(link: Link) -> Result<Arc<Self>, h2::Error> {
        let heard = link.heard();
        let (sender, mut connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .enable_push(false)
            // Each client that leaves may cost one, and they are no sign of an attack.
            .max_local_error_reset_streams(None)
            .handshake(link)
            .await?;
        let pings = connection.ping_pong();
        let task = AbortOnDropHandle::new(tokio::spawn(async {
            // What went wrong is told to each of the streams.
            let _ = connection.await;
        }));
        let this = Arc::new(Self {
            sender,
            heard,
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

    /// Whether no more streams can be opened, for good: it has ended, or the API said GOAWAY.
    pub fn retired(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        matches!(self.sender.clone().poll_ready(&mut context), Poll::Ready(Err(_)))
    }

    /// A place for one more stream, if the API admits it.
    pub fn reserve(self: &Arc<Self>) -> Option<Place> {
        // An API that admits none would leave nobody a place on any connection.
        let limit = self.sender.current_max_send_streams().max(1);
        let add = |streams| (streams < limit).then_some(streams + 1);
        self.streams.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok()?;
        Some(Place {
            reused: self.used.swap(true, Ordering::Relaxed),
            connection: Arc::clone(self),
        })
    }
}

/// Closes a connection that is dead or of no more use.
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

/// The right to open a stream on a connection; it is given back by being dropped.
pub struct Place {
    connection: Arc<Connection>,
    /// The connection has carried a request before.
    reused: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connection.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Place {
    /// Sends a request and waits for the head of its answer.
    pub async fn send(self, request: Request<Bytes>) -> Result<(Parts, Body), Failure> {
        let before = self.connection.heard.bytes();
        match exchange(self.connection.sender.clone(), request).await {
            Ok((parts, stream)) => Ok((parts, Body { stream, _place: self })),
            Err(error) => {
                let silent = self.connection.heard.bytes() == before;
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
    // An answer may come before the API has taken all of it.
    stream.send_data(body, true)?;
    Ok(response.await?.into_parts())
}

/// Whether the API said that it did not process the request. A GOAWAY is the error of those
/// streams alone that are above its last one.
fn refused(error: &h2::Error) -> bool {
    error.is_remote()
        && (error.is_go_away()
            || error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM))
}

/// What follows the head.
pub struct Body {
    stream: RecvStream,
    _place: Place,
}

impl Body {
    /// The next piece; none at the end that the API gave it. To take it is to give the API
    /// room for as much again.
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
