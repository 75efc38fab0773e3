//! The options and the environment. The contract lists them for every daemon.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use lexopt::{Arg, ValueExt};

use crate::render::Format;

/// The text of `--help`.
pub const USAGE: &str = "\
usage: streaming-daemon --socket PATH [options]

  --socket PATH                 listen for handoffs here
  --socket-mode OCTAL           permissions of the socket (default 0660)
  --max-connections N           hold at most this many clients (default 10000)
  --format simple|openai        send the text alone, or the API's chunks (default simple)
  --handoff-timeout SECONDS     until a connected peer must have sent its handoff (default 5)
  --connect-timeout SECONDS     until a connection to the API must be ready (default 10)
  --first-byte-timeout SECONDS  until the API must begin its answer (default 60)
  --idle-timeout SECONDS        that the API may be silent within its answer (default 60)
  --write-timeout SECONDS       that a client may read nothing (default 60)
  --shutdown-timeout SECONDS    that running streams may take after SIGTERM (default 30)

environment: OPENAI_API_BASE, OPENAI_API_KEY, OPENAI_API_SOCKET, OPENAI_CA_FILE,
OPENAI_HTTP2_ENABLED (true), OPENAI_INSECURE_SSL (false)
";

/// The daemon's settings.
#[derive(Clone, Debug)]
pub struct Config {
    pub socket: PathBuf,
    pub socket_mode: u32,
    pub max_connections: usize,
    pub format: Format,
    pub bounds: Bounds,
    pub api: Api,
}

/// The timeouts.
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

/// The settings for the connection to the API.
#[derive(Clone, Debug)]
pub struct Api {
    /// An absolute URL with the scheme `http` or `https`.
    pub base: Uri,
    pub key: String,
    /// Connect over this Unix socket, with HTTP/1.1.
    pub socket: Option<PathBuf>,
    /// Offer HTTP/2 over TLS.
    pub http2: bool,
    /// Trust the certificates of this file too.
    pub ca_file: Option<PathBuf>,
    /// Trust any certificate.
    pub insecure: bool,
}

/// The command that the command line gives.
#[derive(Debug)]
pub enum Command {
    Help,
    Run(Box<Config>),
}

/// Parses the arguments after the program's name, and the environment.
///
/// # Errors
///
/// A message for the user that names the wrong option or variable.
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
            return Err(format!("--{name} is not an option: --help lists the options"));
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
    // More than thirty years is a mistake, and overflows tokio's timers.
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
        return Err("OPENAI_API_KEY: expected characters that are valid in a header".to_owned());
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
    fallback: bool,
) -> Result<bool, String> {
    let Some(text) = env(name) else {
        return Ok(fallback);
    };
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Ok(true),
        "false" | "f" | "0" => Ok(false),
        _ => Err(format!("{name} is {text:?}: expected true or false")),
    }
}

#[cfg(test)]
mod tests;
