//! HTTP/1.1 to the API: hyper's connection, one request at a time.
//!
//! hyper does the parsing and runs in a task of its own; which connection is used when, and
//! what is sent again, is not left to it. A connection belongs to one answer until that was
//! read to its end with nothing behind it. Dropped before, it is closed, which is HTTP/1.1's
//! one way to tell the API that nobody listens.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio_util::task::AbortOnDropHandle;

use super::Failure;
use super::link::{Heard, Link};

/// What is read ahead while a client stalls, and the most that a head may take.
const MAX_BUFFER: usize = 256 << 10;

/// How long a connection may take to be ready again after the end of an answer.
const READY_TIME: Duration = Duration::from_millis(200);

/// A connection on which a request can be sent.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    heard: Heard,
    _task: AbortOnDropHandle<()>,
}

impl Connection {
    pub async fn open(link: Link) -> hyper::Result<Self> {
        let heard = link.heard();
        let (sender, connection) =
            Builder::new().max_buf_size(MAX_BUFFER).handshake(TokioIo::new(link)).await?;
        let task = tokio::spawn(async {
            // What went wrong is told to whoever waits for the answer.
            let _ = connection.await;
        });
        Ok(Self { sender, heard, _task: AbortOnDropHandle::new(task) })
    }

    /// Whether a request can be sent now. hyper reads while a connection is idle, and gives up
    /// one that has ended or on which something came that nobody asked for.
    pub fn usable(&self) -> bool {
        self.sender.is_ready()
    }

    /// Sends a request and waits for the head of its answer.
    pub async fn send(
        mut self,
        request: Request<Bytes>,
        reused: bool,
    ) -> Result<(Parts, Body), Failure> {
        let before = self.heard.bytes();
        let request = origin_form(request).map(Full::new);
        match self.sender.try_send_request(request).await {
            Ok(response) => {
                let (parts, incoming) = response.into_parts();
                check_framing(&parts)?;
                let connection = Some(self);
                Ok((parts, Body { incoming, connection, complete: false }))
            }
            Err(mut error) => Err(Failure {
                // An API may close a connection that it finds idle while a request is on its way.
                unprocessed: error.take_message().is_some()
                    || reused && self.heard.bytes() == before,
                reason: describe(error.error()),
            }),
        }
    }
}

/// Over HTTP/1.1 a request names the path, and the host in a header of its own.
fn origin_form(mut request: Request<Bytes>) -> Request<Bytes> {
    let uri = std::mem::take(request.uri_mut()).into_parts();
    let host = uri.authority.and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    request.headers_mut().extend(host.map(|host| (HOST, host)));
    if let Some(path) = uri.path_and_query {
        *request.uri_mut() = path.into();
    }
    request
}

/// hyper reads a body in an unknown transfer coding up to the connection's end, as it must to
/// be general; here such a body is one that nobody can read.
fn check_framing(parts: &Parts) -> Result<(), Failure> {
    let mut codings = parts.headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Failure::processed("the answer comes in an unknown transfer coding")),
    }
}

/// An error with what caused it.
fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// What follows the head.
pub struct Body {
    incoming: Incoming,
    connection: Option<Connection>,
    complete: bool,
}

impl Body {
    /// The next piece; none at the end, which is one that the framing vouches for.
    pub async fn next(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            match self.incoming.frame().await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Some(Ok(data)),
                    _ => {} // trailers mean nothing here
                },
                Some(Err(error)) => return Some(Err(describe(&error))),
                None => {
                    self.complete = true;
                    return None;
                }
            }
        }
    }

    /// The connection, if another request can be sent on it.
    pub async fn into_connection(self) -> Option<Connection> {
        let mut connection = self.connection.filter(|_| self.complete)?;
        let ready = tokio::time::timeout(READY_TIME, connection.sender.ready()).await;
        matches!(ready, Ok(Ok(()))).then_some(connection)
    }
}
