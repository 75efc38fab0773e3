//! The daemon's listener. It uses system calls directly, because tokio and std do not support
//! SEQPACKET. Three of its duties need them too. It must find out whether a live daemon owns the
//! path. It must accept queued peers after the socket was shut. And it must distinguish an
//! exhausted process from a broken socket.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Shutdown, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect,
    listen, shutdown, socket_with,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::log;
use crate::waiting::watch;

/// How many handoffs may wait in the kernel's queue. The kernel limits it to net.core.somaxconn.
/// A web server that finds the queue full refuses its user.
const BACKLOG: i32 = 4096;

/// The time between two accept calls when the process has no free descriptor. It is long enough
/// to cost almost no CPU time, and much shorter than the 100 ms that the web server waits.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(20);

/// The Unix socket on which handoffs arrive.
#[derive(Debug)]
pub struct Listener {
    path: PathBuf,
    socket: AsyncFd<OwnedFd>,
    /// Device and inode of the socket file that `bind` made.
    own: (u64, u64),
}

impl Listener {
    /// Binds the path. Replaces a socket file that a dead daemon left.
    pub fn bind(path: &Path, mode: u32) -> io::Result<Self> {
        // Two daemons that start at once must not both find the same stale socket. The lock on
        // the folder makes the second one check and bind after the first one.
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = File::open(folder)?;
        rustix::io::retry_on_intr(|| flock(&folder, FlockOperation::LockExclusive))?;
        remove_stale(path)?;
        let socket = seqpacket()?;
        bind(&socket, &SocketAddrUnix::new(path)?)?;
        // The socket refuses every peer until it listens, so no peer connects before the mode is set.
        let ready = fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .and_then(|()| identity(path))
            .and_then(|own| Ok(listen(&socket, BACKLOG).map(|()| own)?))
            .and_then(|own| Ok((own, watch(socket, Interest::READABLE)?)));
        match ready {
            Ok((own, socket)) => Ok(Self { path: path.to_owned(), socket, own }),
            Err(error) => {
                let _ = fs::remove_file(path);
                Err(error)
            }
        }
    }

    /// Waits for the next peer. Dropping the future does not lose a peer.
    pub async fn accept(&self) -> io::Result<OwnedFd> {
        let mut exhausted = false;
        loop {
            let mut ready = self.socket.readable().await?;
            match self.accept_now() {
                Ok(peer) => return Ok(peer),
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::CONNABORTED) => {}
                Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)) => {
                    if !std::mem::replace(&mut exhausted, true) {
                        log::warn(format_args!("cannot accept for now: {error}"));
                    }
                    tokio::time::sleep(EXHAUSTED_PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn accept_now(&self) -> Result<OwnedFd, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        rustix::io::retry_on_intr(|| accept_with(self.socket.get_ref(), flags))
    }

    /// Closes the listener without losing a queued peer, and returns the queued peers. It removes
    /// the path first, so a successor can bind it. The shutdown then refuses new peers, and accept
    /// still returns the queued ones.
    pub fn drain(&self) -> Vec<OwnedFd> {
        self.unlink();
        let _ = shutdown(self.socket.get_ref(), Shutdown::Read);
        std::iter::from_fn(|| self.accept_now().ok()).collect()
    }

    /// Removes the socket file if `bind` made it. The kernel does not give the inode number to
    /// another file while the socket is open.
    fn unlink(&self) {
        if identity(&self.path).is_ok_and(|current| current == self.own) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.unlink();
    }
}

fn seqpacket() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Removes the socket file of a dead daemon. Returns an error for a live daemon's socket and for
/// a file of any other type.
fn remove_stale(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::other(
            "the path exists and is not a socket: remove it or choose another path",
        ));
    }
    match connect(seqpacket()?, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path),
        Ok(()) | Err(Errno::AGAIN | Errno::PROTOTYPE) => Err(io::Error::other(
            "a running daemon serves the path: stop it or choose another path",
        )),
        Err(error) => Err(error.into()),
    }
}
