//! The daemon's start, its end, and its limit on connections.

mod harness;

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};

use harness::api::{self, DONE, HEAD, LAST, Then, answer, chunk, stop, text};
use harness::{Answer, Daemon, Folder, command, eventually};
use rustix::process::Signal;

const PROMPT: &str = r#"{"prompt":"Hello"}"#;

fn ready_api() -> String {
    api::fixed(answer(&[text("a"), DONE.to_owned()]))
}

/// An API that pauses in the middle of each answer until the gate opens.
fn held_api() -> (String, Arc<(Mutex<bool>, Condvar)>) {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let held = Arc::clone(&gate);
    let base = api::serve(move |request| {
        request.write(&format!("{HEAD}{}", chunk(&text("a"))));
        let open = held.0.lock().unwrap();
        drop(held.1.wait_while(open, |open| !*open).unwrap());
        request.write(&format!("{}{LAST}", chunk(&(text("b") + &stop()))));
        Then::Close
    });
    (base, gate)
}

fn open(gate: &(Mutex<bool>, Condvar)) {
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
}

/// A client in the middle of its answer.
fn held(daemon: &Daemon) -> TcpStream {
    let client = daemon.hand_off(PROMPT);
    let mut peeked = [0; 1024];
    eventually("the answer begins", || {
        let count = client.peek(&mut peeked).unwrap();
        String::from_utf8_lossy(&peeked[..count]).contains("\"a\"")
    });
    client
}

#[test]
fn a_wrong_option_is_named_and_the_exit_status_is_2() {
    for option in ["--sockets=a", "--idle-timeout=soon", "--format=xml", "--socket="] {
        let output = Command::new(env!("CARGO_BIN_EXE_streaming-daemon"))
            .args(["--socket", "/nowhere/a.sock", option])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{option}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(option.split('=').next().unwrap()), "{error}");
    }
    let help = Command::new(env!("CARGO_BIN_EXE_streaming-daemon")).arg("--help").output().unwrap();
    assert!(help.status.success() && help.stdout.starts_with(b"usage: "));
}

#[test]
fn a_dead_daemons_socket_is_replaced() {
    let (folder, base) = (Folder::new(), ready_api());
    let path = folder.0.join("daemon.sock");
    let mut first = Daemon::start_on(&path, &base, &[]);
    first.child.kill().unwrap();
    first.wait();
    let second = Daemon::start_on(&path, &base, &["--socket-mode=0600"]);
    assert!(second.ask(PROMPT).done());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_live_socket_and_a_file_are_not_replaced() {
    let (folder, base) = (Folder::new(), ready_api());
    let path = folder.0.join("daemon.sock");
    let first = Daemon::start_on(&path, &base, &[]);
    assert_eq!(command(&path, &base).status().unwrap().code(), Some(1), "a live daemon's socket");
    assert!(first.ask(PROMPT).done());

    let file = folder.0.join("file");
    fs::write(&file, "precious").unwrap();
    assert_eq!(command(&file, &base).status().unwrap().code(), Some(1), "a file");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn a_daemon_removes_only_its_own_socket() {
    let (folder, base) = (Folder::new(), ready_api());
    let path = folder.0.join("daemon.sock");
    let mut first = Daemon::start_on(&path, &base, &[]);
    fs::remove_file(&path).unwrap();
    let mut second = Daemon::start_on(&path, &base, &[]);
    first.signal(Signal::TERM);
    assert!(first.wait().success());
    assert!(second.ask(PROMPT).done());
    second.signal(Signal::TERM);
    assert!(second.wait().success());
    assert!(!path.exists());
}

#[test]
fn a_stopping_daemon_finishes_running_streams() {
    let (base, gate) = held_api();
    let mut daemon = Daemon::start(&base, &[]);
    let client = held(&daemon);
    daemon.signal(Signal::TERM);
    eventually("the daemon refuses new peers", || daemon.try_connect().is_err());
    open(&gate);
    let answer = Answer::read(client);
    assert!(answer.done() && answer.text() == "ab", "{answer:?}");
    assert!(daemon.wait().success());
}

#[test]
fn a_stopping_daemon_serves_queued_handoffs() {
    let mut daemon = Daemon::start(&ready_api(), &[]);
    assert!(daemon.ask(PROMPT).done());
    daemon.signal(Signal::STOP);
    let clients: Vec<_> = (0..5).map(|_| daemon.hand_off(PROMPT)).collect();
    daemon.signal(Signal::TERM);
    daemon.signal(Signal::CONT);
    for client in clients {
        assert!(Answer::read(client).done());
    }
    assert!(daemon.wait().success());
}

#[test]
fn a_stream_ends_after_the_shutdown_timeout() {
    let (base, _gate) = held_api();
    let mut daemon = Daemon::start(&base, &["--shutdown-timeout=0.1"]);
    let client = held(&daemon);
    daemon.signal(Signal::TERM);
    assert!(daemon.wait().success());
    let answer = Answer::read(client);
    assert_eq!((&*answer.text(), answer.failure()), ("a", "the daemon is shutting down"));
}

#[test]
fn a_second_signal_ends_the_daemon_at_once() {
    let (base, _gate) = held_api();
    let mut daemon = Daemon::start(&base, &[]);
    let mut client = held(&daemon);
    daemon.signal(Signal::TERM);
    eventually("the daemon refuses new peers", || daemon.try_connect().is_err());
    daemon.signal(Signal::TERM);
    let status = daemon.wait();
    assert!(status.code() == Some(143) && status.signal().is_none(), "{status}");
    let mut rest = String::new();
    let _ = client.read_to_string(&mut rest);
    assert!(!rest.contains("[DONE]"));
}

#[test]
fn handoffs_above_the_limit_are_refused() {
    let (base, gate) = held_api();
    let daemon = Daemon::start(&base, &["--max-connections=2"]);
    let (first, second) = (held(&daemon), held(&daemon));
    let refused = daemon.ask(PROMPT);
    assert!(refused.status == 503 && refused.failure().contains("maximum"), "{refused:?}");
    drop(second);
    open(&gate);
    assert!(Answer::read(first).done());
    eventually("the daemon serves again", || daemon.ask(PROMPT).done());
}
