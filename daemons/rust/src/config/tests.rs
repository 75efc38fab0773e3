use super::*;

fn run(args: &str, env: &[(&str, &str)]) -> Result<Config, String> {
    let get = |name: &str| {
        env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    match parse(args.split_whitespace().map(OsString::from), get)? {
        Command::Run(config) => Ok(*config),
        Command::Help => panic!("expected a configuration, found --help"),
    }
}

#[test]
fn every_option_is_parsed() {
    let config = run(
        "--socket /run/a.sock --socket-mode 0600 --max-connections=3 --format openai \
         --handoff-timeout 1 --connect-timeout 2 --first-byte-timeout 3 --idle-timeout 0.25 \
         --write-timeout 5 --shutdown-timeout 0",
        &[("OPENAI_API_BASE", "http://[::1]:80/v1"), ("OPENAI_HTTP2_ENABLED", "0")],
    )
    .unwrap();
    assert_eq!(config.socket, PathBuf::from("/run/a.sock"));
    assert_eq!(config.socket_mode, 0o600);
    assert_eq!(config.max_connections, 3);
    assert_eq!(config.format, Format::Openai);
    assert_eq!(config.bounds.connect, Duration::from_secs(2));
    assert_eq!(config.bounds.idle, Duration::from_millis(250));
    assert_eq!(config.bounds.shutdown, Duration::ZERO);
    assert!(!config.api.http2 && !config.api.insecure);
}

#[test]
fn an_error_names_the_wrong_setting() {
    for (args, env, expected) in [
        ("", [("", "")], "--socket is missing"),
        ("--socket", [("", "")], "--socket"),
        ("--sockets a", [("", "")], "--sockets is not an option"),
        ("a", [("", "")], "\"a\""),
        ("--socket a --format xml", [("", "")], "\"xml\": expected simple or openai"),
        ("--socket a --idle-timeout -1", [("", "")], "--idle-timeout"),
        ("--socket a --idle-timeout nan", [("", "")], "expected seconds"),
        ("--socket a --max-connections 0", [("", "")], "--max-connections is \"0\""),
        ("--socket a --socket-mode 999", [("", "")], "octal"),
        ("--socket a", [("OPENAI_API_BASE", "ftp://a/")], "OPENAI_API_BASE"),
        ("--socket a", [("OPENAI_INSECURE_SSL", "maybe")], "expected true or false"),
        ("--socket a", [("OPENAI_API_KEY", "a\nb")], "OPENAI_API_KEY"),
    ] {
        let error = run(args, &env).unwrap_err();
        assert!(error.contains(expected), "{args}: {error}");
    }
}

#[test]
fn help_needs_no_other_option() {
    let command = parse([OsString::from("--help")], |_| None);
    assert!(matches!(command, Ok(Command::Help)));
}
