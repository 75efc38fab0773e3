//! The options and the environment, as the contract lists them for every daemon.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use lexopt::{Arg, ValueExt};

use crate::render::Format;

/// What `--help` prints.
pub const USAGE: &str = "\
usage: streaming-daemon --socket PATH [options]

  --socket PATH                 listen for handoffs here
  --socket-mode OCTAL           permissions of the socket (default 0660)
  --max-connections N           hold at most this many clients (default 10000)
  --format simple|openai        the text alone, or the API's chunks (default simple)
  --handoff-timeout SECONDS     for a peer that connected to send its handoff (default 5)
  --connect-timeout SECONDS     for a connection to the API (default 10)
  --first-byte-timeout SECONDS  for the API to begin its answer (default 60)
  --idle-timeout SECONDS        for the API to go on with its answer (default 60)
  --write-timeout SECONDS       for a client to read something (default 60)
  --shutdown-timeout SECONDS    for running streams after SIGTERM (default 30)

environment: OPENAI_API_BASE, OPENAI_API_KEY, OPENAI_API_SOCKET, OPENAI_CA_FILE,
OPENAI_HTTP2_ENABLED (true), OPENAI_INSECURE_SSL (false)
";

/// Everything that is decided before the daemon starts.
#[derive(Clone, Debug)]
pub struct Config {
    pub socket: PathBuf,
    pub socket_mode: u32,
    pub max_connections: usize,
    pub format: Format,
    pub bounds: Bounds,
    pub api: Api,
}

/// The times that are bounded, and for how long.
#[derive(Clone, Debug)]
pub struct Bounds {
    pub handoff: Duration,
    pub connect: Duration,
    pub first_byte: Duration,
    pub idle: Duration,
    pub write: Duration,
    pub shutdown: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            handoff: Duration::from_secs(5),
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            write: Duration::from_secs(60),
            shutdown: Duration::from_secs(30),
        }
    }
}

/// Where the API is, and how it is to be spoken to.
#[derive(Clone, Debug)]
pub struct Api {
    /// An absolute URL with the scheme `http` or `https`.
    pub base: Uri,
    pub key: String,
    /// Reach the API over this Unix socket, by HTTP/1.1.
    pub socket: Option<PathBuf>,
    /// Offer HTTP/2 where there is TLS.
    pub http2: bool,
    /// Trust the certificates of this file as well.
    pub ca_file: Option<PathBuf>,
    /// Trust everybody.
    pub insecure: bool,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Command {
    Help,
    Run(Box<Config>),
}

/// Reads the arguments after the program's name, and the environment.
///
/// # Errors
///
/// The reason, in words for whoever wrote them.
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Command, String> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut socket = None;
    let mut socket_mode = 0o660;
    let mut max_connections = 10_000;
    let mut format = Format::Simple;
    let mut bounds = Bounds::default();
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        let Arg::Long(name) = arg else {
            return Err(arg.unexpected().to_string());
        };
        let name = name.to_owned();
        if name == "help" {
            return Ok(Command::Help);
        }
        let Some(option) = Setting::named(&name) else {
            return Err(format!("--{name} is no option: --help lists them"));
        };
        let text = parser
            .value()
            .and_then(ValueExt::string)
            .map_err(|error| format!("--{name}: {error}"))?;
        let wrong = |expected: &str| format!("--{name} is {text:?}: expected {expected}");
        match option {
            Setting::Socket => socket = Some(PathBuf::from(&text)),
            Setting::SocketMode => {
                socket_mode = u32::from_str_radix(&text, 8)
                    .ok()
                    .filter(|mode| *mode <= 0o777)
                    .ok_or_else(|| wrong("permissions in octal, such as 0660"))?;
            }
            Setting::MaxConnections => {
                max_connections = text
                    .parse()
                    .ok()
                    .filter(|count| (1..=1_000_000).contains(count))
                    .ok_or_else(|| wrong("a number from 1 to 1000000"))?;
            }
            Setting::Format => {
                format = Format::named(&text).ok_or_else(|| wrong("simple or openai"))?;
            }
            Setting::Bound(field) => {
                *field(&mut bounds) =
                    seconds(&text).ok_or_else(|| wrong("seconds, such as 2 or 0.5"))?;
            }
        }
    }
    let socket = socket
        .filter(|path| !path.as_os_str().is_empty())
        .ok_or("--socket is missing: give the path to listen on")?;
    Ok(Command::Run(Box::new(Config {
        socket,
        socket_mode,
        max_connections,
        format,
        bounds,
        api: environment(env)?,
    })))
}

/// An option with a value.
enum Setting {
    Socket,
    SocketMode,
    MaxConnections,
    Format,
    Bound(fn(&mut Bounds) -> &mut Duration),
}

impl Setting {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "socket" => Self::Socket,
            "socket-mode" => Self::SocketMode,
            "max-connections" => Self::MaxConnections,
            "format" => Self::Format,
            "handoff-timeout" => Self::Bound(|bounds| &mut bounds.handoff),
            "connect-timeout" => Self::Bound(|bounds| &mut bounds.connect),
            "first-byte-timeout" => Self::Bound(|bounds| &mut bounds.first_byte),
            "idle-timeout" => Self::Bound(|bounds| &mut bounds.idle),
            "write-timeout" => Self::Bound(|bounds| &mut bounds.write),
            "shutdown-timeout" => Self::Bound(|bounds| &mut bounds.shutdown),
            _ => return None,
        })
    }
}

fn seconds(text: &str) -> Option<Duration> {
    let value: f64 = text.parse().ok()?;
    // More than thirty years is a mistake, and more than the timers can count.
    (0.0..=1e9).contains(&value).then(|| Duration::from_secs_f64(value))
}

fn environment(env: impl Fn(&str) -> Option<String>) -> Result<Api, String> {
    let env = |name: &str| env(name).filter(|value| !value.is_empty());
    let base = env("OPENAI_API_BASE").unwrap_or_else(|| "https://api.openai.com/v1".to_owned());
    let base = base
        .parse::<Uri>()
        .ok()
        .filter(|uri| [Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&uri.scheme()))
        .filter(|uri| uri.host().is_some_and(|host| !host.is_empty()))
        .ok_or("OPENAI_API_BASE: expected a URL like https://api.openai.com/v1")?;
    let key = env("OPENAI_API_KEY").unwrap_or_default().trim().to_owned();
    if key.contains(char::is_control) {
        return Err("OPENAI_API_KEY holds characters that no header can carry".to_owned());
    }
    Ok(Api {
        base,
        key,
        socket: env("OPENAI_API_SOCKET").map(PathBuf::from),
        http2: boolean(env, "OPENAI_HTTP2_ENABLED", true)?,
        ca_file: env("OPENAI_CA_FILE").map(PathBuf::from),
        insecure: boolean(env, "OPENAI_INSECURE_SSL", false)?,
    })
}

fn boolean(
    env: impl Fn(&str) -> Option<String>,
    name: &str,
    standard: bool,
) -> Result<bool, String> {
    let Some(text) = env(name) else {
        return Ok(standard);
    };
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Ok(true),
        "false" | "f" | "0" => Ok(false),
        _ => Err(format!("{name} is {text:?}: expected true or false")),
    }
}

#[cfg(test)]
mod tests;
