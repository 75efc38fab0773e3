//! The daemon's socket, by system calls: tokio and std know no SEQPACKET, and three duties
//! need them anyway. They are to find out whether the path belongs to a daemon that lives, to
//! accept what is queued after the socket was shut, and to tell an exhausted process from a
//! broken socket.

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

/// How many handoffs may wait; the kernel cuts it to net.core.somaxconn. A web server that
/// finds it full turns its user away.
const BACKLOG: i32 = 4096;

/// How long accepting rests when the process is out of descriptors: long enough to cost
/// nothing, short against the web server's bound of 100 ms.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(20);

/// The socket on which handoffs arrive.
#[derive(Debug)]
pub struct Listener {
    path: PathBuf,
    socket: AsyncFd<OwnedFd>,
    /// Device and inode of the socket file as we made it.
    own: (u64, u64),
}

impl Listener {
    /// Binds the path, replacing a socket on which nobody listens any more.
    pub fn bind(path: &Path, mode: u32) -> io::Result<Self> {
        // Two daemons that start at once must not both find the same stale socket; the lock
        // on the folder lets one of them look and bind after the other.
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = File::open(folder)?;
        rustix::io::retry_on_intr(|| flock(&folder, FlockOperation::LockExclusive))?;
        remove_stale(path)?;
        let socket = seqpacket()?;
        bind(&socket, &SocketAddrUnix::new(path)?)?;
        // Until it listens the socket refuses everybody, so nobody slips in before the mode is set.
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

    /// Waits for the next peer. Nothing is lost when the future is dropped.
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

    /// Ends the socket without losing anybody, and returns those who were queued: the path
    /// goes first, so that a successor can have it; then newcomers are refused, while those in
    /// the queue can still be accepted.
    pub fn drain(&self) -> Vec<OwnedFd> {
        self.unlink();
        let _ = shutdown(self.socket.get_ref(), Shutdown::Read);
        std::iter::from_fn(|| self.accept_now().ok()).collect()
    }

    /// Removes the socket file if it is still the one that we made. While the socket is open
    /// its inode number can be no other file's.
    fn unlink(&self) {
        if identity(&self.path).is_ok_and(|found| found == self.own) {
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
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// Clears the path of a dead daemon's socket, and of nothing else.
fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::other(
            "it exists and is no socket: remove it or choose another path",
        ));
    }
    match connect(seqpacket()?, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path),
        Ok(()) | Err(Errno::AGAIN | Errno::PROTOTYPE) => Err(io::Error::other(
            "it is served by a running daemon: stop it or choose another path",
        )),
        Err(error) => Err(error.into()),
    }
}
