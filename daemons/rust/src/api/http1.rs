//! An HTTP/1.1 client connection to the API, with one request at a time.
//!
//! hyper parses, in a task of its own. The daemon's pool decides which connection a request
//! uses, and whether to retry. A connection belongs to one answer until the daemon has read that
//! answer to its end and no byte follows. Dropping the answer earlier closes the connection,
//! which is the only way to cancel an HTTP/1.1 request.

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
use super::link::{Link, Received};

/// The size of hyper's read buffer: the bytes read ahead while a client stalls, and the largest
/// response head.
const MAX_BUFFER: usize = 256 << 10;

/// How long a connection may take to be ready again after the end of an answer.
const READY_TIME: Duration = Duration::from_millis(200);

/// An HTTP/1.1 connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    received: Received,
    _task: AbortOnDropHandle<()>,
}

impl Connection {
    pub async fn open(link: Link) -> hyper::Result<Self> {
        let received = link.received();
        let (sender, connection) =
            Builder::new().max_buf_size(MAX_BUFFER).handshake(TokioIo::new(link)).await?;
        let task = tokio::spawn(async {
            // hyper reports a failure to the waiting request too.
            let _ = connection.await;
        });
        Ok(Self { sender, received, _task: AbortOnDropHandle::new(task) })
    }

    /// Reports whether the connection can send a request now. hyper reads while a connection is
    /// idle, and closes it after an end of file or an unexpected byte.
    pub fn usable(&self) -> bool {
        self.sender.is_ready()
    }

    /// Sends a request and waits for the head of its response.
    pub async fn send(
        mut self,
        request: Request<Bytes>,
        reused: bool,
    ) -> Result<(Parts, Body), Failure> {
        let before = self.received.bytes();
        let request = origin_form(request).map(Full::new);
        match self.sender.try_send_request(request).await {
            Ok(response) => {
                let (parts, incoming) = response.into_parts();
                check_framing(&parts)?;
                let connection = Some(self);
                Ok((parts, Body { incoming, connection, complete: false }))
            }
            Err(mut error) => Err(Failure {
                // An API may close an idle connection at the moment the daemon sends a request.
                unprocessed: error.take_message().is_some()
                    || reused && self.received.bytes() == before,
                reason: describe(error.error()),
            }),
        }
    }
}

/// Converts a request to HTTP/1.1's form, with the path as target and the host as header.
fn origin_form(mut request: Request<Bytes>) -> Request<Bytes> {
    let uri = std::mem::take(request.uri_mut()).into_parts();
    let host = uri.authority.and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    request.headers_mut().extend(host.map(|host| (HOST, host)));
    if let Some(path) = uri.path_and_query {
        *request.uri_mut() = path.into();
    }
    request
}

/// Refuses a response in an unknown transfer coding, whose body the daemon cannot parse. hyper
/// would read that body up to the connection's end.
fn check_framing(parts: &Parts) -> Result<(), Failure> {
    let mut codings = parts.headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Failure::processed("expected chunked transfer coding, found an unknown one")),
    }
}

/// Formats an error with its cause.
fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// The body of a response.
pub struct Body {
    incoming: Incoming,
    connection: Option<Connection>,
    complete: bool,
}

impl Body {
    /// Returns the next piece, or `None` at the complete end of the body.
    pub async fn next(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            match self.incoming.frame().await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Some(Ok(data)),
                    _ => {} // ignore trailers
                },
                Some(Err(error)) => return Some(Err(describe(&error))),
                None => {
                    self.complete = true;
                    return None;
                }
            }
        }
    }

    /// Returns the connection if it can send another request.
    pub async fn into_connection(self) -> Option<Connection> {
        let mut connection = self.connection.filter(|_| self.complete)?;
        let ready = tokio::time::timeout(READY_TIME, connection.sender.ready()).await;
        matches!(ready, Ok(Ok(()))).then_some(connection)
    }
}
