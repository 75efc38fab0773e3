//! An exchange is one client's conversation: a job, the API's stream, and the client's answer.
//! It is one task that reads from the API and writes to the client in turn, so a client that
//! stalls pauses the API by not being read for.
//!
//! It can be cut short at any moment, because the client left or the daemon has to end: the
//! future that relays is dropped, and with it the request to the API. What it had put into
//! the answer is not lost by that, so the last event still stands on an event boundary.

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
use crate::sse::{Event, Parser};
use crate::waiting::after;

/// How long the end of an interrupted answer may take to write.
pub const LAST_WORDS: Duration = Duration::from_millis(100);

/// Why an answer did not come to its end.
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

/// Answers a client, whatever happens, and holds its socket until that is over.
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
                log::warn(format_args!("a stream failed: {}", problem.message));
                answer.put(&render::event(&problem, &server.key));
            } else {
                answer.put(&render::response(&problem, &server.key, &headers));
            }
            tokio::select! {
                sent = answer.flush() => sent.map(|()| None),
                () = after(&server.ending, LAST_WORDS) => Err(Lost::Stalled),
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
                Lost::Left => "it left",
                Lost::Stalled => "it read nothing for too long",
            };
            log::info(format_args!("a client was lost: {reason}"));
            client.abandon();
        }
    }
    Ok(())
}

fn shutting_down() -> Problem {
    let message = "the daemon is shutting down";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, OVERLOADED, "shutting_down", message)
}

/// Passes the API's events on until the answer is whole: by `[DONE]`, or by a clean end after
/// every choice's finish. Returns what is left of the API's answer.
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
        heard: Instant::now(),
    };
    loop {
        let progress = match timeout(relay.patience(), stream.next()).await {
            Ok(Some(Ok(piece))) => relay.take(&piece, answer),
            Ok(Some(Err(reason))) => {
                log::warn(format_args!("the API broke off: {reason}"));
                Err(Problem::broken("the API's answer broke off"))
            }
            Ok(None) => relay.end(answer),
            Err(_) => Err(Problem::late("the API fell silent")),
        };
        if matches!(progress, Ok(true)) {
            answer.put(render::DONE);
        }
        // What came before a failure is the client's all the same.
        answer.flush().await?;
        if progress? {
            return Ok(stream);
        }
    }
}

/// How far the API's answer has come.
struct Relay<'a> {
    server: &'a Server,
    parser: Parser,
    completion: Completion,
    /// When the last message came.
    heard: Instant,
}

impl Relay<'_> {
    /// How long the API may be silent now. Heartbeats keep a stream alive, but not one that
    /// has nothing left to say.
    fn patience(&self) -> Duration {
        let idle = self.server.bounds.idle;
        if self.completion.finished() { idle.saturating_sub(self.heard.elapsed()) } else { idle }
    }

    /// Takes what one read returned; true when the API is done.
    fn take(&mut self, mut piece: &[u8], answer: &mut Answer) -> Result<bool, Problem> {
        let too_large = |_| Problem::broken("an event is larger than 2 MiB");
        while let Some(event) = self.parser.next(&mut piece).map_err(too_large)? {
            if event.kind.is_empty() {
                self.heard = Instant::now();
            }
            if self.event(&event, answer)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Judges a clean end of the stream.
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

    /// Passes on what one event means for the client; true when the API is done.
    fn event(&mut self, event: &Event, answer: &mut Answer) -> Result<bool, Problem> {
        let data = event.data.trim_ascii();
        match &*event.kind {
            _ if data.is_empty() => return Ok(false),
            "error" => {
                return Err(Problem::described(data).unwrap_or_else(|| Problem::broken(data)));
            }
            "" | "message" => {}
            _ => return Ok(false), // pings and the like are no part of an answer
        }
        if data == "[DONE]" {
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
