//! Valid and invalid messages of the web server.

mod harness;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::api::{self, DONE, Then, answer, text};
use harness::{Answer, Daemon, eventually, tcp_pair};

/// An API that answers each request with one word, and counts the requests.
fn counted() -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let base = api::serve(move |request| {
        counter.fetch_add(1, Ordering::Relaxed);
        request.write(&answer(&[text("a"), DONE.to_owned()]));
        Then::Keep
    });
    (base, count)
}

#[test]
fn the_request_has_the_fields_of_the_handoff() {
    let base = api::serve(|request| {
        let echo = format!("{}{}", request.head, request.body);
        request
            .write(&answer(&[text(&echo.replace('"', "'").replace("\r\n", "|")), DONE.to_owned()]));
        Then::Keep
    });
    let daemon = Daemon::start(&base, &[]);
    let received = daemon.ask(r#"{"prompt":"Hi","test_pattern":"unicode;t=1","request_id":"r-7"}"#);
    let echo = received.text();
    for expected in [
        "post /v1/chat/completions http/1.1|",
        "|authorization: bearer sk-harness|",
        "|content-type: application/json|",
        "|accept: text/event-stream|",
        "|accept-encoding: identity|",
        "|x-test-pattern: unicode;t=1|",
        "|x-request-id: r-7|",
        "|host: 127.0.0.1:",
        "||{'model':'gpt-4o-mini','messages':[{'role':'user','content':'Hi'}],'stream':true}",
    ] {
        assert!(echo.contains(expected), "{expected} in {echo}");
    }
}

#[test]
fn invalid_data_is_a_400_without_a_call_to_the_api() {
    let (base, count) = counted();
    let daemon = Daemon::start(&base, &[]);
    for data in ["", "\0", "{", "[]", "{}", r#"{"prompt":1}"#, r#"{"prompt":"a","prompt":"b"}"#] {
        assert_eq!(daemon.ask(data).status, 400, "{data:?}");
    }
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[test]
fn large_data_is_served_and_larger_data_is_refused() {
    let (base, _) = counted();
    let daemon = Daemon::start(&base, &[]);
    let prompt = |size| format!(r#"{{"prompt":"{}"}}"#, "x".repeat(size));
    assert!(daemon.ask(&prompt(200_000)).done());
    // A message above the kernel's default limit needs a larger send buffer.
    let peer = daemon.try_connect().unwrap();
    rustix::net::sockopt::set_socket_send_buffer_size_force(&peer, 1 << 20)
        .unwrap_or_else(|_| eprintln!("without privileges this test sends no message of 300 KB"));
    let (client, server) = tcp_pair();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = rustix::net::SendAncillaryBuffer::new(&mut space);
    let rights = [server.as_fd()];
    assert!(control.push(rustix::net::SendAncillaryMessage::ScmRights(&rights)));
    let data = prompt(300_000);
    let data = [std::io::IoSlice::new(data.as_bytes())];
    let flags = rustix::net::SendFlags::NOSIGNAL;
    if rustix::net::sendmsg(&peer, &data, &mut control, flags).is_ok() {
        assert_eq!(Answer::read(client).status, 413);
    }
}

#[test]
fn only_the_first_descriptor_is_served() {
    let (base, count) = counted();
    let daemon = Daemon::start(&base, &[]);
    let before = daemon.descriptors().len();
    let data = br#"{"prompt":"a"}"#;

    let (client, server) = tcp_pair();
    let (mut other, extra) = tcp_pair();
    daemon.send(data, &[server.as_fd(), extra.as_fd()]);
    assert!(Answer::read(client).done());
    drop(extra);
    assert_eq!(other.read(&mut [0; 1]).unwrap(), 0, "the daemon closes the other one");

    let (unix, server) = UnixStream::pair().unwrap();
    daemon.send(data, &[server.as_fd()]);
    let mut text = String::new();
    (&unix).read_to_string(&mut text).unwrap();
    assert!(text.ends_with(DONE), "a Unix stream is a client too");

    let calls = count.load(Ordering::Relaxed);
    daemon.send(data, &[]);
    daemon.send(b"", &[]);
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    daemon.send(data, &[reader.as_fd()]);
    daemon.send(data, &[writer.as_fd()]);
    daemon.send(data, &[File::open("/dev/null").unwrap().as_fd()]);
    daemon.send(data, &[TcpListener::bind("127.0.0.1:0").unwrap().as_fd()]);
    drop((daemon.try_connect().unwrap(), unix));
    assert!(daemon.ask(r#"{"prompt":"b"}"#).done());
    assert_eq!(count.load(Ordering::Relaxed), calls + 1, "those did not call the API");
    // Each answer may have left a connection to the API in the pool.
    eventually("the daemon closes them all", || daemon.descriptors().len() <= before + 3);
}

#[test]
fn descriptors_do_not_reach_children() {
    const CLOSE_ON_EXEC: u32 = 0o2_000_000;
    let base = api::serve(|request| {
        request.closed();
        Then::Close
    });
    let daemon = Daemon::start(&base, &[]);
    // The descriptors from before the exchange include inherited ones.
    let before = daemon.descriptors();
    let _client = daemon.hand_off(r#"{"prompt":"a"}"#);
    let of_exchange = || {
        let mut descriptors = daemon.descriptors();
        descriptors.retain(|number, target| before.get(number) != Some(target));
        descriptors.into_keys()
    };
    eventually("the daemon sends the request", || of_exchange().len() == 2);
    for number in of_exchange() {
        let path = format!("/proc/{}/fdinfo/{number}", daemon.child.id());
        let info = std::fs::read_to_string(path).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:\t")).unwrap();
        assert_ne!(u32::from_str_radix(flags, 8).unwrap() & CLOSE_ON_EXEC, 0, "{info}");
    }
}

#[test]
fn a_silent_peer_times_out_and_does_not_delay_others() {
    let (base, _) = counted();
    let daemon = Daemon::start(&base, &["--handoff-timeout=0.3"]);
    let peer = daemon.try_connect().unwrap();
    assert!(daemon.ask(r#"{"prompt":"a"}"#).done());
    let mut peer = UnixStream::from(peer);
    peer.set_read_timeout(Some(harness::PATIENCE)).unwrap();
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn the_client_sees_the_end_although_the_sender_keeps_its_copy() {
    let (base, _) = counted();
    let daemon = Daemon::start(&base, &[]);
    let (mut client, server) = tcp_pair();
    client.write_all(&[b'x'; 10_000]).unwrap();
    daemon.send(br#"{"prompt":"a"}"#, &[server.as_fd()]);
    let answer = Answer::read(client.try_clone().unwrap());
    assert!(answer.done(), "unread bytes do not destroy the end of the answer: {answer:?}");
    client.shutdown(Shutdown::Both).unwrap();
}

#[test]
fn blocking_descriptors_stay_blocking() {
    let (base, _) = counted();
    let daemon = Daemon::start(&base, &[]);
    for nonblocking in [false, true] {
        let (client, server) = tcp_pair();
        server.set_nonblocking(nonblocking).unwrap();
        daemon.send(br#"{"prompt":"a"}"#, &[server.as_fd()]);
        assert!(Answer::read(client).done());
        let flags = rustix::fs::fcntl_getfl(&server).unwrap();
        assert_eq!(flags.contains(rustix::fs::OFlags::NONBLOCK), nonblocking);
    }
}

#[test]
fn response_headers_are_added_to_answers_and_errors() {
    let (base, _) = counted();
    let daemon = Daemon::start(&base, &[]);
    for data in [
        r#"{"prompt":"a","response_headers":{"X-A":"1","Connection":"keep-alive","X-B":"2\r\nX-C: 3"}}"#,
        r#"{"response_headers":{"X-A":"1","Connection":"keep-alive","X-B":"2\r\nX-C: 3"}}"#,
    ] {
        let head = daemon.ask(data).head;
        assert!(head.contains("\r\nX-A: 1") && head.contains("\r\nConnection: close"), "{head}");
        assert!(!head.contains("X-B") && !head.contains("X-C"), "{head}");
    }
}
