//! Waiting: for a descriptor to be ready, and for a moment after an event.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio_util::sync::CancellationToken;

/// Has the runtime watch a descriptor, whose flags are left alone: tokio's own socket types
/// would need `O_NONBLOCK`, which is not ours to set on a socket that others hold too.
#[expect(
    deprecated,
    reason = "it is unsound for types that may change their descriptor; OwnedFd cannot, and the \
              replacement is unsafe for every type"
)]
pub fn watch(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, interest)
}

/// Returns this long after the token was cancelled.
pub async fn after(token: &CancellationToken, time: Duration) {
    token.cancelled().await;
    tokio::time::sleep(time).await;
}
