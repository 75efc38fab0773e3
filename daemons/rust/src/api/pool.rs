//! The pool of connections to the API: idle HTTP/1.1 connections, and HTTP/2 connections that
//! requests share. Requests that arrive while the pool dials an HTTP/2 connection wait for it
//! and do not dial their own.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::response::Parts;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::endpoint::{Endpoint, Protocol};
use super::{Body, Failure, http1, http2};

/// The limits on idle HTTP/1.1 connections: their number, and their time. After a burst, each
/// exchange leaves one connection.
const MAX_IDLE: usize = 8;
const IDLE_TIME: Duration = Duration::from_secs(30);

/// The reason why the pool has no connection to offer.
#[derive(Clone, Debug)]
pub enum Unreachable {
    Late,
    Failed(String),
}

/// A connection for one request.
pub enum Lease {
    Http1 { connection: http1::Connection, reused: bool },
    Http2(http2::Reservation),
}

impl Lease {
    pub async fn send(self, request: Request<Bytes>) -> Result<(Parts, Body), Failure> {
        match self {
            Self::Http1 { connection, reused } => {
                let (parts, body) = connection.send(request, reused).await?;
                Ok((parts, Body::Http1(body)))
            }
            Self::Http2(reservation) => {
                let (parts, body) = reservation.send(request).await?;
                Ok((parts, Body::Http2(body)))
            }
        }
    }
}

pub struct Pool {
    endpoint: Endpoint,
    connect_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    shared: Vec<Arc<http2::Connection>>,
    /// In the order of use, the latest last.
    idle: Vec<(http1::Connection, Instant)>,
    /// The running attempt to make a shared connection. It receives its result.
    dialing: Option<watch::Receiver<Option<Result<(), Unreachable>>>>,
    /// The API does not speak HTTP/2.
    http1_only: bool,
    /// The task that closes idle connections is running.
    expiring: bool,
}

impl Pool {
    pub fn new(endpoint: Endpoint, connect_timeout: Duration) -> Arc<Self> {
        let state = State { http1_only: !endpoint.offers_http2, ..State::default() };
        Arc::new(Self { endpoint, connect_timeout, state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A holder of the lock cannot panic halfway, so a poisoned lock is still valid.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a connection. With `fresh`, it is not an idle HTTP/1.1 connection, which the API
    /// may have closed.
    pub async fn acquire(self: &Arc<Self>, fresh: bool) -> Result<Lease, Unreachable> {
        let began = Instant::now();
        loop {
            let mut attempt = {
                let mut state = self.lock();
                if let Some(lease) = state.take(fresh) {
                    return Ok(lease);
                }
                let dial = || self.dial_shared();
                let shared = !state.http1_only;
                shared.then(|| state.dialing.get_or_insert_with(dial).clone())
            };
            let Some(attempt) = &mut attempt else {
                return self.dial_own().await;
            };
            match attempt.wait_for(Option::is_some).await.as_deref() {
                Ok(Some(Err(error))) => return Err(error.clone()),
                // If the API allows few streams, other requests may take them again and again.
                Ok(_) if began.elapsed() > self.connect_timeout => return Err(Unreachable::Late),
                Ok(_) => {}
                Err(_) => {
                    return Err(Unreachable::Failed("the attempt to connect ended".to_owned()));
                }
            }
        }
    }

    async fn dial_own(&self) -> Result<Lease, Unreachable> {
        let connecting = async {
            let (link, _) = self.endpoint.dial().await?;
            Ok(http1::Connection::open(link).await?)
        };
        let connection = bounded(self.connect_timeout, connecting).await?;
        Ok(Lease::Http1 { connection, reused: false })
    }

    /// Makes a connection for all waiting requests. It runs in a task of its own, so it continues
    /// when the first request's client leaves.
    fn dial_shared(self: &Arc<Self>) -> watch::Receiver<Option<Result<(), Unreachable>>> {
        let (done, attempt) = watch::channel(None);
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            let connecting = async {
                let (link, protocol) = pool.endpoint.dial().await?;
                Ok(match protocol {
                    Protocol::Http1 => Dialed::Own(http1::Connection::open(link).await?),
                    Protocol::Http2 => match http2::Connection::open(link).await? {
                        // Another connection would probably end in the same way.
                        retired if retired.retired() => {
                            return Err("the API refuses streams on a new connection".into());
                        }
                        connection => Dialed::Shared(connection),
                    },
                })
            };
            let dialed = bounded(pool.connect_timeout, connecting).await;
            let mut state = pool.lock();
            state.dialing = None;
            let result = dialed.map(|dialed| match dialed {
                Dialed::Shared(connection) => state.shared.push(connection),
                Dialed::Own(connection) => {
                    state.http1_only = true;
                    state.idle.push((connection, Instant::now()));
                }
            });
            done.send_replace(Some(result));
        });
        attempt
    }

    /// Returns a connection to the pool. The connection can send another request.
    pub fn put(self: &Arc<Self>, connection: http1::Connection) {
        let mut state = self.lock();
        state.idle.push((connection, Instant::now()));
        if state.idle.len() > MAX_IDLE {
            state.idle.remove(0);
        }
        if !std::mem::replace(&mut state.expiring, true) {
            tokio::spawn(Arc::clone(self).expire());
        }
    }

    /// Closes the connections that are idle for too long. Returns when none is idle.
    async fn expire(self: Arc<Self>) {
        loop {
            sleep(IDLE_TIME).await;
            let mut state = self.lock();
            state.idle.retain(|(_, since)| since.elapsed() < IDLE_TIME);
            if state.idle.is_empty() {
                state.expiring = false;
                return;
            }
        }
    }
}

/// A new connection of either protocol.
enum Dialed {
    Shared(Arc<http2::Connection>),
    Own(http1::Connection),
}

async fn bounded<T>(
    time: Duration,
    connecting: impl Future<Output = Result<T, Box<dyn Error + Send + Sync>>>,
) -> Result<T, Unreachable> {
    match timeout(time, connecting).await {
        Ok(result) => result.map_err(|error| Unreachable::Failed(error.to_string())),
        Err(_) => Err(Unreachable::Late),
    }
}

impl State {
    /// Takes an existing connection that can send a request.
    fn take(&mut self, fresh: bool) -> Option<Lease> {
        self.shared.retain(|connection| !connection.retired());
        if let Some(reserved) = self.shared.iter().find_map(http2::Connection::reserve) {
            return Some(Lease::Http2(reserved));
        }
        if fresh {
            return None;
        }
        while let Some((connection, _)) = self.idle.pop() {
            if connection.usable() {
                return Some(Lease::Http1 { connection, reused: true });
            }
        }
        None
    }
}
