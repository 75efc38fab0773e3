//! The connections to the API that wait for a request, or with HTTP/2 take one more. Requests
//! that come while the first HTTP/2 connection is being made wait for it, instead of making
//! one each.

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

/// What is kept between requests over HTTP/1.1, where every running exchange has a connection
/// to leave behind, and for how long.
const MAX_IDLE: usize = 8;
const IDLE_TIME: Duration = Duration::from_secs(30);

/// Why there is no connection.
#[derive(Clone, Debug)]
pub enum Unreachable {
    Late,
    Failed(String),
}

/// A connection on which one request can be sent.
pub enum Lease {
    Http1 { connection: http1::Connection, reused: bool },
    Http2(http2::Place),
}

impl Lease {
    pub async fn send(self, request: Request<Bytes>) -> Result<(Parts, Body), Failure> {
        match self {
            Self::Http1 { connection, reused } => {
                let (parts, body) = connection.send(request, reused).await?;
                Ok((parts, Body::Http1(body)))
            }
            Self::Http2(place) => {
                let (parts, body) = place.send(request).await?;
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
    /// The one used last is last.
    idle: Vec<(http1::Connection, Instant)>,
    /// How the attempt to make a shared connection ended, once it has.
    dialing: Option<watch::Receiver<Option<Result<(), Unreachable>>>>,
    /// The API does not speak HTTP/2.
    http1_only: bool,
    /// Somebody is at work to close what is idle for too long.
    attended: bool,
}

impl Pool {
    pub fn new(endpoint: Endpoint, connect_timeout: Duration) -> Arc<Self> {
        let state = State { http1_only: !endpoint.offers_http2, ..State::default() };
        Arc::new(Self { endpoint, connect_timeout, state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can stop halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection. With `fresh`, none that may have ended unnoticed.
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
                // Where the API admits few streams others may have been faster, time and again.
                Ok(_) if began.elapsed() > self.connect_timeout => return Err(Unreachable::Late),
                Ok(_) => {}
                Err(_) => return Err(Unreachable::Failed("connecting was given up".to_owned())),
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

    /// Makes a connection for everybody who waits. It belongs to none of them, so it goes on
    /// when the one that asked first leaves.
    fn dial_shared(self: &Arc<Self>) -> watch::Receiver<Option<Result<(), Unreachable>>> {
        let (done, attempt) = watch::channel(None);
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            let connecting = async {
                let (link, protocol) = pool.endpoint.dial().await?;
                Ok(match protocol {
                    Protocol::Http1 => Made::Own(http1::Connection::open(link).await?),
                    Protocol::Http2 => match http2::Connection::open(link).await? {
                        // Another one would fare no better.
                        gone if gone.retired() => return Err("the API takes no streams".into()),
                        connection => Made::Shared(connection),
                    },
                })
            };
            let made = bounded(pool.connect_timeout, connecting).await;
            let mut state = pool.lock();
            state.dialing = None;
            let result = made.map(|made| match made {
                Made::Shared(connection) => state.shared.push(connection),
                Made::Own(connection) => {
                    state.http1_only = true;
                    state.idle.push((connection, Instant::now()));
                }
            });
            done.send_replace(Some(result));
        });
        attempt
    }

    /// Takes back a connection on which the next request can be sent.
    pub fn put(self: &Arc<Self>, connection: http1::Connection) {
        let mut state = self.lock();
        state.idle.push((connection, Instant::now()));
        if state.idle.len() > MAX_IDLE {
            state.idle.remove(0);
        }
        if !std::mem::replace(&mut state.attended, true) {
            tokio::spawn(Arc::clone(self).attend());
        }
    }

    /// Closes what is idle for too long, until nothing is left.
    async fn attend(self: Arc<Self>) {
        loop {
            sleep(IDLE_TIME).await;
            let mut state = self.lock();
            state.idle.retain(|(_, since)| since.elapsed() < IDLE_TIME);
            if state.idle.is_empty() {
                state.attended = false;
                return;
            }
        }
    }
}

enum Made {
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
    /// A connection that is there.
    fn take(&mut self, fresh: bool) -> Option<Lease> {
        self.shared.retain(|connection| !connection.retired());
        if let Some(place) = self.shared.iter().find_map(http2::Connection::reserve) {
            return Some(Lease::Http2(place));
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
