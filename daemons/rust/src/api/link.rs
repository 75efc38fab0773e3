//! The byte stream to the API, whatever carries it, with two things added that HTTP needs to
//! be told apart by.
//!
//! It counts what arrives: that nothing did is what shows, when a connection breaks, that the
//! API cannot have begun to answer. And it keeps an error in writing to itself: an API may
//! answer early (a 413) and close without reading on, and then the answer is there to be read
//! although the request cannot be written. If there is none, reading shows the error as well.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A TCP, TLS or Unix stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How many bytes have come over a link so far.
#[derive(Clone, Debug, Default)]
pub struct Heard(Arc<AtomicU64>);

impl Heard {
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connected stream to the API.
pub struct Link {
    stream: Box<dyn Stream>,
    heard: Heard,
    /// Writing has failed; what is written goes nowhere.
    mute: bool,
}

impl Link {
    pub fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), heard: Heard::default(), mute: false }
    }

    pub fn heard(&self) -> Heard {
        self.heard.clone()
    }

    fn unless_mute<T>(
        &mut self,
        ignored: T,
        write: impl FnOnce(Pin<&mut dyn Stream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if !self.mute {
            match ready!(write(Pin::new(&mut *self.stream))) {
                Ok(done) => return Poll::Ready(Ok(done)),
                Err(_) => self.mute = true,
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
        self.heard.0.fetch_add(count, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.unless_mute(data.len(), |stream| stream.poll_write(context, data))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        self.unless_mute((), |stream| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        self.unless_mute((), |stream| stream.poll_shutdown(context))
    }
}
