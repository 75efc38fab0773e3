//! Takes handoffs and runs an exchange for each, in a task of its own.
//!
//! Two tokens say how far the daemon's end has come: `stopping`, when no more handoffs are
//! wanted, and `ending`, when the exchanges must end too.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::Api;
use crate::client::HURRIED_LINGER;
use crate::config::{Bounds, Config};
use crate::exchange::{self, LAST_WORDS};
use crate::handoff::{self, Dropped, Handoff};
use crate::listener::Listener;
use crate::problem::{INVALID_REQUEST, OVERLOADED, Problem};
use crate::render::Format;
use crate::{log, payload};

/// How long exchanges may take to end once they must: the last words and the hurried lingering
/// of each run at the same time.
const ENDING_GRACE: Duration =
    LAST_WORDS.saturating_add(HURRIED_LINGER).saturating_add(Duration::from_millis(300));

/// What all exchanges share.
pub struct Server {
    pub api: Api,
    pub format: Format,
    pub bounds: Bounds,
    pub key: String,
    pub ending: CancellationToken,
    stopping: CancellationToken,
    /// One permit for each client that may be held.
    room: Semaphore,
    /// Peers and exchanges.
    held: TaskTracker,
}

impl Server {
    /// A server that takes handoffs until `stopping` is cancelled.
    pub fn new(config: Config, stopping: CancellationToken) -> Result<Arc<Self>, String> {
        Ok(Arc::new(Self {
            api: Api::new(&config)?,
            format: config.format,
            bounds: config.bounds,
            key: config.api.key,
            ending: CancellationToken::new(),
            stopping,
            room: Semaphore::new(config.max_connections),
            held: TaskTracker::new(),
        }))
    }

    /// Runs until it was stopped and the exchanges have ended, or been ended.
    pub async fn run(self: Arc<Self>, listener: Listener) -> io::Result<()> {
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => break,
                peer = listener.accept() => self.start(peer?),
            }
        }
        for peer in listener.drain() {
            self.start(peer);
        }
        self.held.close();
        log::info(format_args!("stopping with {} held", self.held.len()));
        if timeout(self.bounds.shutdown, self.held.wait()).await.is_err() {
            log::warn(format_args!("ending {} that still run", self.held.len()));
            self.ending.cancel();
            let _ = timeout(ENDING_GRACE, self.held.wait()).await;
        }
        Ok(())
    }

    /// Takes over a peer that has connected.
    fn start(self: &Arc<Self>, peer: OwnedFd) {
        let server = Arc::clone(self);
        self.held.spawn(async move {
            match handoff::receive(peer, server.bounds.handoff, &server.stopping).await {
                Ok(handoff) => server.answer(handoff).await,
                Err(Dropped::NoHandoff) => {}
                Err(reason) => log::warn(format_args!("a handoff was dropped: {reason}")),
            }
        });
    }

    async fn answer(&self, handoff: Handoff) {
        let (job, headers) = payload::parse(&handoff.data);
        let room = self.room.try_acquire();
        let job = match job {
            _ if room.is_err() => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                OVERLOADED,
                "max_connections",
                "too many streams are running",
            )),
            _ if handoff.truncated => Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                INVALID_REQUEST,
                "handoff_too_large",
                "the handoff data is larger than 256 KiB",
            )),
            job => job.map_err(Problem::invalid),
        };
        if let Err(problem) = &job {
            log::warn(format_args!("a handoff was refused: {}", problem.message));
        }
        drop(handoff.data);
        if let Err(error) = exchange::serve(self, handoff.client, job, headers).await {
            log::warn(format_args!("a client could not be served: {error}"));
        }
    }
}
