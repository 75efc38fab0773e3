//! A handoff is one message on a SEQPACKET socket: the handoff data, and the descriptor of the
//! client's socket. Descriptors are `OwnedFd`, which closes them on drop, so none can leak.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::socket_type;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SocketType, getpeername,
    recvmsg,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::waiting::{after, watch};

/// The largest handoff data, in bytes. The kernel's default send buffer passes 212,960. A sender
/// can raise that buffer; a larger message gets a 413.
const MAX_PAYLOAD: usize = 256 << 10;

/// The kernel's limit on the descriptors of one message (`SCM_MAX_FD`).
const MAX_DESCRIPTORS: usize = 253;

/// How long a stopping daemon waits for a peer that has connected and not yet sent. The web
/// server sends right after it has connected.
const DRAIN_GRACE: Duration = Duration::from_millis(250);

/// A received handoff message whose descriptor is a usable client socket.
#[derive(Debug)]
pub struct Handoff {
    /// A connected stream socket.
    pub client: OwnedFd,
    pub data: Vec<u8>,
    /// The message was larger than [`MAX_PAYLOAD`].
    pub truncated: bool,
}

/// The reason why a message is not a handoff.
#[derive(Debug)]
pub enum Dropped {
    /// The peer closed without a message, which is not a failure.
    NoHandoff,
    SilentPeer,
    NoDescriptor,
    DescriptorsLost,
    NoClient,
    Io(io::Error),
}

impl fmt::Display for Dropped {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoHandoff => "the peer closed without a handoff",
            Self::SilentPeer => "the peer connected and sent nothing before --handoff-timeout",
            Self::NoDescriptor => "expected a descriptor in the message, found none",
            Self::DescriptorsLost => "the kernel dropped descriptors of the message (MSG_CTRUNC)",
            Self::NoClient => "expected a connected stream socket, found another descriptor",
            Self::Io(error) => return error.fmt(formatter),
        })
    }
}

impl From<Errno> for Dropped {
    fn from(error: Errno) -> Self {
        match error {
            Errno::CONNRESET => Self::NoHandoff,
            error => Self::Io(error.into()),
        }
    }
}

/// Reads the one message that a peer sends, and closes the peer. Waits for `patience`, or for
/// [`DRAIN_GRACE`] after `stopping` is cancelled.
pub async fn receive(
    peer: OwnedFd,
    patience: Duration,
    stopping: &CancellationToken,
) -> Result<Handoff, Dropped> {
    // Most peers have sent before the daemon accepts them. Try without the event loop first.
    let message = match receive_now(&peer) {
        Err(Errno::AGAIN) => {
            let peer = watch(peer, Interest::READABLE).map_err(Dropped::Io)?;
            tokio::select! {
                message = read(&peer) => message?,
                () = sleep(patience) => last_look(&peer)?,
                () = after(stopping, DRAIN_GRACE.min(patience)) => last_look(&peer)?,
            }
        }
        // Close the peer early: the client may need its descriptor.
        message => {
            drop(peer);
            message?
        }
    };
    message.into_handoff()
}

async fn read(peer: &AsyncFd<OwnedFd>) -> Result<Message, Errno> {
    loop {
        let Ok(mut ready) = peer.readable().await else {
            return Err(Errno::CONNRESET); // the runtime is shutting down
        };
        match receive_now(peer.get_ref()) {
            Err(Errno::AGAIN) => ready.clear_ready(),
            message => return message,
        }
    }
}

/// Tries to read once more after the timeout, to serve a message that has already arrived.
fn last_look(peer: &AsyncFd<OwnedFd>) -> Result<Message, Dropped> {
    receive_now(peer.get_ref()).map_err(|error| match error {
        Errno::AGAIN => Dropped::SilentPeer,
        error => error.into(),
    })
}

/// The result of one recvmsg call.
struct Message {
    data: Vec<u8>,
    descriptors: Vec<OwnedFd>,
    flags: ReturnFlags,
}

thread_local! {
    /// The receive buffer of a thread. One call must read the whole message, of unknown size.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; MAX_PAYLOAD].into());
}

fn receive_now(peer: &OwnedFd) -> Result<Message, Errno> {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let received = rustix::io::retry_on_intr(|| {
            recvmsg(peer, &mut [IoSliceMut::new(scratch)], &mut control, flags)
        })?;
        // Other control messages (credentials) may come first.
        let descriptors = control.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
            _ => Vec::new(),
        });
        Ok(Message {
            descriptors: descriptors.collect(),
            data: scratch[..received.bytes.min(scratch.len())].to_vec(),
            flags: received.flags,
        })
    })
}

impl Message {
    /// Checks the message and its first descriptor. Closes all other descriptors unchecked.
    fn into_handoff(self) -> Result<Handoff, Dropped> {
        if self.flags.contains(ReturnFlags::CTRUNC) {
            return Err(Dropped::DescriptorsLost);
        }
        let Some(client) = self.descriptors.into_iter().next() else {
            return Err(if self.data.is_empty() {
                Dropped::NoHandoff
            } else {
                Dropped::NoDescriptor
            });
        };
        if socket_type(&client) != Ok(SocketType::STREAM) || getpeername(&client).is_err() {
            return Err(Dropped::NoClient);
        }
        Ok(Handoff { client, data: self.data, truncated: self.flags.contains(ReturnFlags::TRUNC) })
    }
}
