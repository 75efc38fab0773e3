//! Tests against an h2 server on a loopback connection.

use h2::SendStream;
use h2::server::{self, SendResponse};
use http::{Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;

type Server = server::Connection<TcpStream, Bytes>;
type Requests = mpsc::UnboundedReceiver<SendResponse<Bytes>>;

/// Returns a connection to a server with this configuration, and the server.
async fn connect(builder: &server::Builder) -> (Arc<Connection>, TcpServer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let (handshake, link) = (builder.handshake(stream), Link::new(client));
    let serving = tokio::spawn(async { serve(handshake.await.unwrap()) });
    let connection = Connection::open(link).await.unwrap();
    (connection, serving.await.unwrap())
}

/// A running server.
struct TcpServer {
    requests: Requests,
    /// Makes the server send GOAWAY with its latest stream id.
    retire: mpsc::Sender<()>,
    _work: AbortOnDropHandle<()>,
}

fn serve(mut server: Server) -> TcpServer {
    let (arrived, requests) = mpsc::unbounded_channel();
    let (retire, mut retiring) = mpsc::channel(1);
    let work = tokio::spawn(async move {
        loop {
            tokio::select! {
                request = server.accept() => match request {
                    Some(Ok((_, respond))) => drop(arrived.send(respond)),
                    _ => break,
                },
                Some(()) = retiring.recv() => server.graceful_shutdown(),
            }
        }
    });
    TcpServer { requests, retire, _work: AbortOnDropHandle::new(work) }
}

fn request() -> Request<Bytes> {
    Request::post("http://api/v1/chat/completions").body(Bytes::from_static(b"{}")).unwrap()
}

/// Sends a request, and receives it on the server.
async fn ask(
    connection: &Arc<Connection>,
    server: &mut TcpServer,
) -> (tokio::task::JoinHandle<Result<(Parts, Body), Failure>>, SendResponse<Bytes>) {
    let answer = tokio::spawn(connection.reserve().unwrap().send(request()));
    (answer, server.requests.recv().await.unwrap())
}

fn begin(respond: &mut SendResponse<Bytes>) -> SendStream<Bytes> {
    let mut stream = respond.send_response(Response::new(()), false).unwrap();
    stream.send_data(Bytes::from_static(b"begun"), false).unwrap();
    stream
}

#[tokio::test]
async fn reservations_stop_at_the_limit_of_the_api() {
    let (connection, _server) = connect(server::Builder::new().max_concurrent_streams(2)).await;
    let reservations = [connection.reserve(), connection.reserve()];
    assert!(reservations.iter().all(Option::is_some) && connection.reserve().is_none());
    drop(reservations);
    assert!(connection.reserve().is_some());
}

#[tokio::test]
async fn a_body_arrives_complete() {
    let (connection, mut server) = connect(&server::Builder::new()).await;
    let (answer, mut respond) = ask(&connection, &mut server).await;
    begin(&mut respond).send_data(Bytes::from_static(b"ended"), true).unwrap();
    let (parts, mut body) = answer.await.unwrap().unwrap();
    assert_eq!(parts.status, StatusCode::OK);
    for piece in ["begun", "ended"] {
        assert_eq!(body.next().await.unwrap().unwrap(), piece);
    }
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn dropping_a_body_resets_only_its_stream() {
    let (connection, mut server) = connect(&server::Builder::new()).await;
    let (leaving, mut respond) = ask(&connection, &mut server).await;
    let mut left = begin(&mut respond);
    let (staying, mut respond) = ask(&connection, &mut server).await;
    let mut stayed = begin(&mut respond);
    drop(leaving.await.unwrap().unwrap());
    let reason = std::future::poll_fn(|context| left.poll_reset(context)).await;
    assert_eq!(reason.unwrap(), Reason::CANCEL);
    stayed.send_data(Bytes::new(), true).unwrap();
    let (_, mut body) = staying.await.unwrap().unwrap();
    assert_eq!(body.next().await.unwrap().unwrap(), "begun");
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn only_a_refused_stream_was_not_processed() {
    let (connection, mut server) = connect(&server::Builder::new()).await;
    for (reason, unprocessed) in [
        (Reason::REFUSED_STREAM, true),
        (Reason::NO_ERROR, false),
        (Reason::CANCEL, false),
        (Reason::ENHANCE_YOUR_CALM, false),
    ] {
        let (answer, mut respond) = ask(&connection, &mut server).await;
        respond.send_reset(reason);
        let failure = answer.await.unwrap().err().unwrap();
        assert_eq!(failure.unprocessed, unprocessed, "{reason}");
    }
}

#[tokio::test]
async fn a_reset_is_an_error() {
    let (connection, mut server) = connect(&server::Builder::new()).await;
    let (answer, mut respond) = ask(&connection, &mut server).await;
    let mut stream = begin(&mut respond);
    let (_, mut body) = answer.await.unwrap().unwrap();
    assert_eq!(body.next().await.unwrap().unwrap(), "begun");
    stream.send_reset(Reason::NO_ERROR);
    assert!(body.next().await.unwrap().is_err());
}

#[tokio::test]
async fn after_goaway_running_streams_finish_and_new_ones_fail() {
    let (connection, mut server) = connect(&server::Builder::new()).await;
    let (answer, mut respond) = ask(&connection, &mut server).await;
    let mut stream = begin(&mut respond);
    let (_, mut body) = answer.await.unwrap().unwrap();
    assert!(!connection.retired());
    server.retire.send(()).await.unwrap();
    while !connection.retired() {
        tokio::task::yield_now().await;
    }
    let late = connection.reserve().unwrap().send(request()).await;
    assert!(late.err().unwrap().unprocessed);
    stream.send_data(Bytes::new(), true).unwrap();
    assert_eq!(body.next().await.unwrap().unwrap(), "begun");
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn a_lost_connection_fails_its_streams() {
    for reused in [false, true] {
        let (connection, mut server) = connect(&server::Builder::new()).await;
        drop(reused.then(|| connection.reserve().unwrap()));
        let (answer, _respond) = ask(&connection, &mut server).await;
        drop(server);
        let failure = answer.await.unwrap().err().unwrap();
        // The server sent nothing, so it may have closed a reused connection before the request.
        assert!(reused || !failure.unprocessed, "{failure:?}");
        assert!(connection.retired());
    }
}
