//! Two ways to wait: for a descriptor to be ready, and for some time after a cancellation.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio_util::sync::CancellationToken;

/// Registers a descriptor with the runtime, without changing its flags. tokio's own socket types
/// would need `O_NONBLOCK`. The daemon must not set it on a socket that the web server shares.
#[expect(
    deprecated,
    reason = "it is unsound for types that may change their descriptor; OwnedFd cannot, and the \
              replacement is unsafe for every type"
)]
pub fn watch(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, interest)
}

/// Waits until the token is cancelled, and then for this time.
pub async fn after(token: &CancellationToken, time: Duration) {
    token.cancelled().await;
    tokio::time::sleep(time).await;
}
