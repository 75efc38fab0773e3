//! The client for the API. It sends one request, and returns the event stream, or the problem
//! to send to the daemon's own client.

mod endpoint;
mod http1;
mod http2;
mod link;
mod pool;
mod response;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, USER_AGENT,
};
use http::response::Parts;
use http::uri::PathAndQuery;
use http::{Method, Request, StatusCode, Uri};
use tokio::time::timeout;

use crate::config::Config;
use crate::log;
use crate::payload::Job;
use crate::problem::{Problem, UPSTREAM};
use endpoint::Endpoint;
use pool::{Pool, Unreachable};

/// How long the API may take after `[DONE]` to end the response, and how many bytes it may send
/// meanwhile. A response that ends in time leaves a connection for the next request.
const RELEASE_TIME: Duration = Duration::from_millis(200);
const RELEASE_BYTES: usize = 16 << 10;

/// A failure of a request before its response.
#[derive(Debug)]
pub struct Failure {
    /// The API certainly did not process the request, so a retry is safe.
    unprocessed: bool,
    reason: String,
}

impl Failure {
    fn processed(reason: &str) -> Self {
        Self { unprocessed: false, reason: reason.to_owned() }
    }
}

/// A client for `{base}/chat/completions`.
pub struct Api {
    uri: Uri,
    headers: HeaderMap,
    first_byte_timeout: Duration,
    idle_timeout: Duration,
    pool: Arc<Pool>,
}

impl Api {
    pub fn new(config: &Config) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let agent = concat!("streaming-daemon-rust/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        if !config.api.key.is_empty() {
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", config.api.key))
                .map_err(|_| "OPENAI_API_KEY: expected characters that are valid in a header")?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        Ok(Self {
            uri: completions(&config.api.base)?,
            headers,
            first_byte_timeout: config.bounds.first_byte,
            idle_timeout: config.bounds.idle,
            pool: Pool::new(Endpoint::new(&config.api)?, config.bounds.connect),
        })
    }

    /// Sends the job. Retries once if the API certainly did not process the request.
    pub async fn open(&self, job: Job) -> Result<Stream, Problem> {
        let mut headers = self.headers.clone();
        let optional = [("x-test-pattern", job.test_pattern), ("x-request-id", job.request_id)];
        for (name, value) in optional {
            headers.extend(value.map(|value| (HeaderName::from_static(name), value)));
        }
        headers.insert(CONTENT_LENGTH, job.body.len().into());
        let body = Bytes::from(job.body);
        let mut retry = false;
        loop {
            let mut request = Request::new(body.clone());
            *request.method_mut() = Method::POST;
            *request.uri_mut() = self.uri.clone();
            *request.headers_mut() = headers.clone();
            match self.attempt(request, retry).await? {
                Ok((parts, body)) => {
                    let pool = Arc::clone(&self.pool);
                    let stream = Stream { body, pool };
                    return response::accept(&parts, stream, self.idle_timeout).await;
                }
                Err(failure) if failure.unprocessed && !retry => {
                    let reason = failure.reason;
                    log::info(format_args!("retrying, as the API did not process it: {reason}"));
                    retry = true;
                }
                Err(failure) => return Err(unreachable(&failure.reason)),
            }
        }
    }

    async fn attempt(
        &self,
        request: Request<Bytes>,
        retry: bool,
    ) -> Result<Result<(Parts, Body), Failure>, Problem> {
        let lease = self.pool.acquire(retry).await.map_err(|error| match error {
            Unreachable::Late => late("the daemon could not connect to the API in time"),
            Unreachable::Failed(reason) => unreachable(&reason),
        })?;
        timeout(self.first_byte_timeout, lease.send(request))
            .await
            .map_err(|_| late("the API did not begin its answer in time"))
    }
}

fn completions(base: &Uri) -> Result<Uri, String> {
    let mut parts = base.clone().into_parts();
    let path = base.path().trim_end_matches('/');
    let query = base.query().map(|query| format!("?{query}")).unwrap_or_default();
    let path = PathAndQuery::try_from(format!("{path}/chat/completions{query}"));
    parts.path_and_query = path.ok();
    // The request's target does not contain a user's name and password.
    let host = base.authority().map(|authority| authority.as_str().rsplit('@').next());
    parts.authority = host.flatten().and_then(|host| host.parse().ok());
    Uri::from_parts(parts).map_err(|error| format!("OPENAI_API_BASE: {error}"))
}

fn unreachable(reason: &str) -> Problem {
    log::warn(format_args!("the API failed before its response: {reason}"));
    let message = "the daemon could not reach the API, or the API closed before its response";
    Problem::new(StatusCode::BAD_GATEWAY, UPSTREAM, "upstream_unreachable", message)
}

fn late(message: &str) -> Problem {
    log::warn(format_args!("{message}"));
    Problem::late(message)
}

/// The body of a response, over either protocol.
pub enum Body {
    Http1(http1::Body),
    Http2(http2::Body),
}

/// The body of the API's event stream. Dropping it cancels the request.
pub struct Stream {
    body: Body,
    pool: Arc<Pool>,
}

impl Stream {
    /// Returns the next piece, or `None` at a complete end. While the caller does not call it,
    /// flow control pauses the API.
    pub async fn next(&mut self) -> Option<Result<Bytes, String>> {
        match &mut self.body {
            Body::Http1(body) => body.next().await,
            Body::Http2(body) => body.next().await,
        }
    }

    /// Waits for the end of the API's response, so that the pool can reuse the connection.
    pub async fn release(mut self) {
        let rest = timeout(RELEASE_TIME, self.collect(RELEASE_BYTES)).await;
        if let (Ok(_), Body::Http1(body)) = (rest, self.body) {
            if let Some(connection) = body.into_connection().await {
                self.pool.put(connection);
            }
        }
    }

    /// Reads the rest, up to an error or `limit` bytes.
    async fn collect(&mut self, limit: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(Ok(piece)) = self.next().await {
            all.extend_from_slice(&piece);
            if all.len() > limit {
                break;
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_goes_below_the_base() {
        for (base, expected) in [
            ("https://a.example/v1", "https://a.example/v1/chat/completions"),
            ("http://u:p@a:81/", "http://a:81/chat/completions"),
            ("http://[::1]/v1/?v=2", "http://[::1]/v1/chat/completions?v=2"),
        ] {
            assert_eq!(completions(&base.parse().unwrap()).unwrap(), expected);
        }
    }
}
