//! An exchange is one client's conversation: a job, the API's stream, and the client's answer.
//! One task alternates between reading from the API and writing to the client. So a stalled
//! client stops the reads, and flow control then stops the API.
//!
//! The exchange can end at any moment, because the client left or the daemon shuts down. The
//! task then drops the future that relays, and with it the request to the API. The bytes in the
//! answer's buffer survive, so the last event still begins on an event boundary.

use std::os::fd::OwnedFd;
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, timeout};

use crate::api::Stream;
use crate::chunk::{Chunk, Completion};
use crate::client::{Answer, Client, Lost};
use crate::log;
use crate::payload::Job;
use crate::problem::{OVERLOADED, Problem};
use crate::render::{self, Header};
use crate::server::Server;
use crate::sse::{self, Event, Parser};
use crate::waiting::after;

/// How long writing the end of an interrupted answer may take.
pub const FINAL_WRITE_TIME: Duration = Duration::from_millis(100);

/// The reason why an answer is incomplete.
enum Cut {
    Lost(Lost),
    Failed(Problem),
}

impl From<Lost> for Cut {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl From<Problem> for Cut {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

/// Answers a client with the stream or with an error. Holds the client's socket until the end.
pub async fn serve(
    server: &Server,
    socket: OwnedFd,
    job: Result<Job, Problem>,
    headers: Vec<Header>,
) -> std::io::Result<()> {
    let client = Client::new(socket)?;
    let mut answer = Answer::new(&client, server.bounds.write);
    let outcome = match job {
        Err(problem) => Err(Cut::Failed(problem)),
        Ok(job) => tokio::select! {
            outcome = relay(server, job, &headers, &mut answer) => outcome,
            () = client.left() => Err(Cut::Lost(Lost::Left)),
            () = server.ending.cancelled() => Err(Cut::Failed(shutting_down())),
        },
    };
    let outcome = match outcome {
        Ok(stream) => Ok(Some(stream)),
        Err(Cut::Lost(lost)) => Err(lost),
        Err(Cut::Failed(problem)) => {
            if answer.began {
                log::warn(format_args!("the API's stream failed: {}", problem.message));
                answer.put(&render::event(&problem, &server.key));
            } else {
                answer.put(&render::response(&problem, &server.key, &headers));
            }
            tokio::select! {
                sent = answer.flush() => sent.map(|()| None),
                () = after(&server.ending, FINAL_WRITE_TIME) => Err(Lost::Stalled),
            }
        }
    };
    drop(answer);
    match outcome {
        Ok(stream) => {
            client.finish();
            let release = async {
                if let Some(stream) = stream {
                    stream.release().await;
                }
            };
            tokio::join!(release, client.linger(&server.ending));
        }
        Err(lost) => {
            let reason = match lost {
                Lost::Left => "it closed the connection",
                Lost::Stalled => "it read nothing for --write-timeout",
            };
            log::info(format_args!("lost a client: {reason}"));
            client.abandon();
        }
    }
    Ok(())
}

fn shutting_down() -> Problem {
    let message = "the daemon is shutting down";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, OVERLOADED, "shutting_down", message)
}

/// Relays the API's events until the answer is complete: by `[DONE]`, or by a clean end after
/// each choice's `finish_reason`. Returns the rest of the API's stream.
async fn relay(
    server: &Server,
    job: Job,
    headers: &[Header],
    answer: &mut Answer<'_>,
) -> Result<Stream, Cut> {
    let mut stream = server.api.open(job).await?;
    answer.put(&render::stream_head(headers));
    answer.flush().await?;
    let mut relay = Relay {
        server,
        parser: Parser::default(),
        completion: Completion::default(),
        latest: Instant::now(),
    };
    loop {
        let progress = match timeout(relay.idle_time(), stream.next()).await {
            Ok(Some(Ok(piece))) => relay.take(&piece, answer),
            Ok(Some(Err(reason))) => {
                log::warn(format_args!("the API's answer broke off: {reason}"));
                Err(Problem::broken("the API's answer broke off"))
            }
            Ok(None) => relay.end(answer),
            Err(_) => Err(Problem::late("the API sent nothing before the idle timeout")),
        };
        if matches!(progress, Ok(true)) {
            answer.put(render::DONE);
        }
        // Deliver the events that arrived before a failure.
        answer.flush().await?;
        if progress? {
            return Ok(stream);
        }
    }
}

/// The parser of the API's stream, with the state of the answer.
struct Relay<'a> {
    server: &'a Server,
    parser: Parser,
    completion: Completion,
    /// When the latest message arrived.
    latest: Instant,
}

impl Relay<'_> {
    /// Returns how long the API may be silent now. Heartbeats prolong a running answer. They do
    /// not prolong a finished one.
    fn idle_time(&self) -> Duration {
        let idle = self.server.bounds.idle;
        if self.completion.finished() { idle.saturating_sub(self.latest.elapsed()) } else { idle }
    }

    /// Parses the bytes of one read. Returns true when the API is done.
    fn take(&mut self, mut piece: &[u8], answer: &mut Answer) -> Result<bool, Problem> {
        let too_large = |_| Problem::broken("expected events of at most 2 MiB, found a larger one");
        while let Some(event) = self.parser.next(&mut piece).map_err(too_large)? {
            if event.is_message() {
                self.latest = Instant::now();
            }
            if self.event(&event, answer)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Handles a clean end of the stream. Returns true if the answer is complete.
    fn end(&mut self, answer: &mut Answer) -> Result<bool, Problem> {
        if let Some(event) = self.parser.finish() {
            if self.event(&event, answer)? {
                return Ok(true);
            }
        }
        if self.completion.finished() {
            return Ok(true);
        }
        Err(Problem::broken("the API's answer ended before it was finished"))
    }

    /// Appends the client's events for one event of the API. Returns true for `[DONE]`. An event
    /// that reports an error becomes that error.
    fn event(&mut self, event: &Event, answer: &mut Answer) -> Result<bool, Problem> {
        if event.kind == sse::ERROR {
            return Err(Problem::reported(&event.data));
        }
        if !event.is_message() {
            return Ok(false); // a heartbeat or a ping is not a part of the answer
        }
        if event.data.trim_ascii() == "[DONE]" {
            return Ok(true);
        }
        let chunk = Chunk::parse(&event.data)?;
        if let Some(problem) = chunk.failure {
            return Err(problem);
        }
        self.completion.note(&chunk);
        self.server.format.append(answer.buffer(), &chunk)?;
        Ok(false)
    }
}
