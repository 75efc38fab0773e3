//! The harness plays both sides of the daemon with real sockets: the web server that hands over
//! a client's TCP socket, the client, and the API. The daemon is a process.

#![allow(dead_code, reason = "each test file uses a part of the harness")]

pub mod api;

use std::collections::BTreeMap;
use std::fs;
use std::io::{IoSlice, Read as _};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, connect, sendmsg, socket_with,
};
use rustix::process::{Pid, Signal, kill_process};

/// How long a test waits before it fails. A passing test is much faster.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const KEY: &str = "sk-harness";

/// A temporary folder that is removed on drop.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("streaming-daemon-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running daemon, which is killed on drop.
pub struct Daemon {
    pub child: Child,
    pub socket: PathBuf,
    folder: Option<Folder>,
}

impl Daemon {
    pub fn start(base: &str, options: &[&str]) -> Self {
        let folder = Folder::new();
        let mut daemon = Self::start_on(&folder.0.join("daemon.sock"), base, options);
        daemon.folder = Some(folder);
        daemon
    }

    pub fn start_on(socket: &Path, base: &str, options: &[&str]) -> Self {
        let child = command(socket, base).args(options).spawn().unwrap();
        let mut daemon = Self { child, socket: socket.to_owned(), folder: None };
        eventually("the daemon accepts", || {
            assert!(daemon.child.try_wait().unwrap().is_none(), "the daemon has ended");
            daemon.try_connect().is_ok()
        });
        daemon
    }

    pub fn try_connect(&self) -> rustix::io::Result<OwnedFd> {
        let peer =
            socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        connect(&peer, &SocketAddrUnix::new(&self.socket)?)?;
        Ok(peer)
    }

    /// Sends one message and closes, as a web server does.
    pub fn send(&self, data: &[u8], descriptors: &[BorrowedFd]) {
        let peer = self.try_connect().unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
        }
        sendmsg(&peer, &[IoSlice::new(data)], &mut control, SendFlags::NOSIGNAL).unwrap();
    }

    /// Hands over a new client. Returns the client's socket.
    pub fn hand_off(&self, data: &str) -> TcpStream {
        let (client, server) = tcp_pair();
        self.send(data.as_bytes(), &[server.as_fd()]);
        client
    }

    /// Hands over a new client. Returns its answer.
    pub fn ask(&self, data: &str) -> Answer {
        Answer::read(self.hand_off(data))
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the daemon ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Returns the daemon's descriptors with their targets.
    pub fn descriptors(&self) -> BTreeMap<u32, PathBuf> {
        let folder = format!("/proc/{}/fd", self.child.id());
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let number = |path: &Path| path.file_name()?.to_str()?.parse().ok();
        // The daemon may have closed a descriptor meanwhile.
        entries.filter_map(|path| Some((number(&path)?, fs::read_link(&path).ok()?))).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the daemon's command, without the test's environment.
pub fn command(socket: &Path, base: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streaming-daemon"));
    command
        .arg("--socket")
        .arg(socket)
        .env_clear()
        .env("OPENAI_API_BASE", base)
        .env("OPENAI_API_KEY", KEY)
        .stderr(Stdio::null());
    command
}

/// Returns a client's TCP socket, and the web server's socket for that client.
pub fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let (server, _) = listener.accept().unwrap();
    (client, server)
}

/// Polls until a condition holds. Panics after [`PATIENCE`].
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A client's complete received response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn read(mut client: TcpStream) -> Self {
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).expect("the answer ends with EOF");
        let text = String::from_utf8(bytes).expect("the answer is UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("the answer has a head");
        let status = head.strip_prefix("HTTP/1.1 ").expect("the answer is HTTP/1.1");
        Self { status: status[..3].parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
    }

    /// Returns the concatenated texts of the events.
    pub fn text(&self) -> String {
        let events = self.body.split_terminator("\n\n");
        let texts = events.filter_map(|event| {
            let text = event.strip_prefix("data: {\"content\":\"")?;
            Some(text.strip_suffix("\"}").expect("an event ends after its text"))
        });
        texts.collect()
    }

    /// Reports whether the answer succeeded: it has one `[DONE]`, at the end.
    pub fn done(&self) -> bool {
        self.body.matches("[DONE]").count() == 1 && self.body.ends_with("data: [DONE]\n\n")
    }

    /// Returns the message of the error at the end of a stream, or of an error response.
    pub fn failure(&self) -> &str {
        let last = self.body.trim_end().rsplit("\n\n").next().unwrap();
        let error = last.strip_prefix("data: ").unwrap_or(last);
        let rest = error.strip_prefix(r#"{"error":{"message":""#).unwrap_or("");
        rest.split("\",\"type\":").next().unwrap()
    }
}
