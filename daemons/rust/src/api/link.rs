//! A byte stream to the API, over TCP, TLS or a Unix socket, with two additions for HTTP.
//!
//! It counts the received bytes. A count of zero proves, when a connection breaks, that the API
//! has not begun to answer. And it ignores write errors. An API may answer early (a 413) and
//! close without reading on. The daemon can still read that answer, although it cannot write the
//! rest of the request. If the API sent no answer, reading fails too.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A TCP, TLS or Unix stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The counter of a link's received bytes.
#[derive(Clone, Debug, Default)]
pub struct Received(Arc<AtomicU64>);

impl Received {
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connected stream to the API.
pub struct Link {
    stream: Box<dyn Stream>,
    received: Received,
    /// A write has failed. The link discards further writes.
    write_failed: bool,
}

impl Link {
    pub fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), received: Received::default(), write_failed: false }
    }

    pub fn received(&self) -> Received {
        self.received.clone()
    }

    /// Writes, or returns `ignored` after a write error.
    fn unless_failed<T>(
        &mut self,
        ignored: T,
        write: impl FnOnce(Pin<&mut dyn Stream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if !self.write_failed {
            match ready!(write(Pin::new(&mut *self.stream))) {
                Ok(done) => return Poll::Ready(Ok(done)),
                Err(_) => self.write_failed = true,
            }
        }
        Poll::Ready(Ok(ignored))
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut *self.stream).poll_read(context, buffer))?;
        let count = (buffer.filled().len() - before) as u64;
        self.received.0.fetch_add(count, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.unless_failed(data.len(), |stream| stream.poll_write(context, data))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        self.unless_failed((), |stream| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        self.unless_failed((), |stream| stream.poll_shutdown(context))
    }
}
