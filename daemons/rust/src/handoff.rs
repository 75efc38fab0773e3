//! A handoff is one message on a SEQPACKET socket: the data, and with it the descriptor of
//! the client's socket. Descriptors arrive as `OwnedFd`, so one that is not wanted is closed
//! by being forgotten about; nothing here can leak.

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

/// More than the 212,960 bytes that the kernel's default send buffer lets through. A sender
/// with a larger message is told so (413).
const MAX_PAYLOAD: usize = 256 << 10;

/// What the kernel lets one message carry (`SCM_MAX_FD`).
const MAX_DESCRIPTORS: usize = 253;

/// For peers that have connected but not yet sent when the daemon is told to stop. The web
/// server sends right after it has connected.
const DRAIN_GRACE: Duration = Duration::from_millis(250);

/// What a web server has sent, taken over.
#[derive(Debug)]
pub struct Handoff {
    /// A connected stream socket.
    pub client: OwnedFd,
    pub data: Vec<u8>,
    /// The message was larger than [`MAX_PAYLOAD`].
    pub truncated: bool,
}

/// Why there is none.
#[derive(Debug)]
pub enum Dropped {
    /// The peer left, and without a fault.
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
            Self::NoHandoff => "the peer left without a handoff",
            Self::SilentPeer => "the peer connected and sent nothing",
            Self::NoDescriptor => "the message carries no descriptor",
            Self::DescriptorsLost => "descriptors were lost on the way (MSG_CTRUNC)",
            Self::NoClient => "the descriptor is no connected stream socket",
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

/// Takes the one message that a peer sends, and closes the peer. Waits for as long as
/// `patience` lasts, and for [`DRAIN_GRACE`] once the daemon is stopping.
pub async fn receive(
    peer: OwnedFd,
    patience: Duration,
    stopping: &CancellationToken,
) -> Result<Handoff, Dropped> {
    // Most have sent by the time they are accepted, and need no watching.
    let message = match receive_now(&peer) {
        Err(Errno::AGAIN) => {
            let peer = watch(peer, Interest::READABLE).map_err(Dropped::Io)?;
            tokio::select! {
                message = read(&peer) => message?,
                () = sleep(patience) => last_look(&peer)?,
                () = after(stopping, DRAIN_GRACE.min(patience)) => last_look(&peer)?,
            }
        }
        // The peer is closed here: it has nothing else to say, and the client needs the room.
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
            return Err(Errno::CONNRESET); // the runtime is being shut down
        };
        match receive_now(peer.get_ref()) {
            Err(Errno::AGAIN) => ready.clear_ready(),
            message => return message,
        }
    }
}

/// A message that has arrived is served, however late it is noticed.
fn last_look(peer: &AsyncFd<OwnedFd>) -> Result<Message, Dropped> {
    receive_now(peer.get_ref()).map_err(|error| match error {
        Errno::AGAIN => Dropped::SilentPeer,
        error => error.into(),
    })
}

/// What one recvmsg returned.
struct Message {
    data: Vec<u8>,
    descriptors: Vec<OwnedFd>,
    flags: ReturnFlags,
}

thread_local! {
    /// One for each thread, since a message must be read at once and nobody knows its size.
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
        // Other control messages (credentials) may stand in front.
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
    /// The first descriptor decides; any other is closed unseen.
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
