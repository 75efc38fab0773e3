//! The server receives handoffs and runs an exchange for each, in its own task.
//!
//! Two tokens stop the daemon in two steps. `stopping` ends the accepting of handoffs. `ending`
//! ends the exchanges that outlast the shutdown timeout.

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
use crate::exchange::{self, FINAL_WRITE_TIME};
use crate::handoff::{self, Dropped, Handoff};
use crate::listener::Listener;
use crate::problem::{INVALID_REQUEST, OVERLOADED, Problem};
use crate::render::Format;
use crate::{log, payload};

/// How long the exchanges may take to end after `ending`. They end at the same time: each writes
/// its error event, then lingers for a short time.
const ENDING_GRACE: Duration =
    FINAL_WRITE_TIME.saturating_add(HURRIED_LINGER).saturating_add(Duration::from_millis(300));

/// The state that all exchanges share.
pub struct Server {
    pub api: Api,
    pub format: Format,
    pub bounds: Bounds,
    pub key: String,
    pub ending: CancellationToken,
    stopping: CancellationToken,
    /// One permit for each client that the daemon may hold.
    room: Semaphore,
    /// The tasks of peers and exchanges.
    held: TaskTracker,
}

impl Server {
    /// Makes a server that accepts handoffs until `stopping` is cancelled.
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

    /// Accepts handoffs until `stopping` is cancelled. Then waits for the running exchanges, and
    /// ends those that outlast the shutdown timeout.
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
            log::warn(format_args!("ending {} that outlast the timeout", self.held.len()));
            self.ending.cancel();
            let _ = timeout(ENDING_GRACE, self.held.wait()).await;
        }
        Ok(())
    }

    /// Receives a connected peer's handoff and answers it, in a new task.
    fn start(self: &Arc<Self>, peer: OwnedFd) {
        let server = Arc::clone(self);
        self.held.spawn(async move {
            match handoff::receive(peer, server.bounds.handoff, &server.stopping).await {
                Ok(handoff) => server.answer(handoff).await,
                Err(Dropped::NoHandoff) => {}
                Err(reason) => log::warn(format_args!("discarded a handoff: {reason}")),
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
                "the daemon already runs its maximum number of streams; try again later",
            )),
            _ if handoff.truncated => Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                INVALID_REQUEST,
                "handoff_too_large",
                "expected handoff data of at most 256 KiB, found more",
            )),
            job => job.map_err(Problem::invalid),
        };
        if let Err(problem) = &job {
            log::warn(format_args!("refused a handoff: {}", problem.message));
        }
        drop(handoff.data);
        if let Err(error) = exchange::serve(self, handoff.client, job, headers).await {
            log::warn(format_args!("cannot serve a client: {error}"));
        }
    }
}
