//! Streaming-daemon is a relay between an OpenAI-compatible API and HTTP clients. A web server
//! hands it a client's socket; the daemon calls the API and sends the tokens to the client as
//! server-sent events.
//!
//! The path of a request through the modules:
//!
//! - [`listener`] accepts the web server.
//! - [`handoff`] receives the client's socket and the handoff data.
//! - [`payload`] builds the API's request, and [`api`] sends it.
//! - [`sse`] and [`chunk`] parse the API's stream, and [`exchange`] relays it.
//! - [`render`] renders the events, and [`client`] writes them.
//!
//! [`server`] connects these modules. The README lists the daemon's duties. This module has the
//! process, its signals and its exit.

mod api;
mod chunk;
mod client;
mod config;
mod exchange;
mod handoff;
mod json;
mod listener;
mod log;
mod payload;
mod problem;
mod render;
mod server;
mod sse;
mod waiting;

use std::io::{self, Write as _};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use config::{Command, Config};
use listener::Listener;
use server::Server;

fn main() -> ExitCode {
    let env = |name: &str| std::env::var(name).ok();
    let config = match config::parse(std::env::args_os().skip(1), env) {
        Ok(Command::Run(config)) => *config,
        Ok(Command::Help) => {
            let _ = io::stdout().write_all(config::USAGE.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(wrong) => {
            let _ = writeln!(io::stderr(), "streaming-daemon: {wrong}");
            return ExitCode::from(2);
        }
    };
    log::conceal(&config.api.key);
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::warn(format_args!("{error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config) -> Result<(), String> {
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(async {
        let stopping = stop_on_signal().map_err(|error| error.to_string())?;
        let (path, mode) = (config.socket.clone(), config.socket_mode);
        let base = config.api.base.clone();
        let server = Server::new(config, stopping)?;
        let wrong = |error| format!("{}: {error}", path.display());
        let listener = Listener::bind(&path, mode).map_err(wrong)?;
        let host = base.host().unwrap_or_default();
        log::info(format_args!("ready on {} for {host}{}", path.display(), base.path()));
        server.run(listener).await.map_err(wrong)
    })?;
    // Tasks that still run have outlasted the shutdown timeout.
    runtime.shutdown_background();
    Ok(())
}

/// Returns a token that the first SIGTERM or SIGINT cancels. The second signal ends the process
/// at once.
fn stop_on_signal() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopping = CancellationToken::new();
    let token = stopping.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            let number = tokio::select! {
                _ = terminate.recv() => SignalKind::terminate(),
                _ = interrupt.recv() => SignalKind::interrupt(),
            };
            if first {
                token.cancel();
            } else {
                std::process::exit(128 + number.as_raw_value());
            }
        }
    });
    Ok(stopping)
}

/// Raises the limit on descriptors to the maximum, because each client needs one. The default
/// limit protects programs that call select(2), which this one does not.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let _ = setrlimit(Resource::Nofile, raised);
}
