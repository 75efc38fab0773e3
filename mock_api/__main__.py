"""`python -m mock_api`: the options, the ready line, the workers.

When the mock accepts connections it prints one line of JSON on stdout, with its addresses
and its CA file. All other output goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mock_api.app import App
from mock_api.control import PREFIX
from mock_api.language.answer import Options, Pace
from mock_api.language.named import MOST
from mock_api.language.pacing import MOST_RATE, read_pace
from mock_api.language.rules import load
from mock_api.net.server import Listener, bind_tcp, bind_unix, serve
from mock_api.net.supervisor import supervise
from mock_api.net.tls import Certificate, from_files, self_made
from mock_api.playing.answers import Answers
from mock_api.playing.services import Services

JOURNAL_SIZE = 10_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the mock until a signal or the end of stdin; the exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    tls = options.tls or options.tls_cert is not None or options.tls_port is not None
    if (options.tls_cert is None) != (options.tls_key is None):
        parser.error("--tls-cert and --tls-key go together: give both or none")
    if options.ca_file is not None and not tls:
        parser.error("--ca-file is of use with TLS only: give --tls as well")
    if options.ca_file is not None and options.tls_cert is not None:
        parser.error("--ca-file writes the self-made CA; --tls-cert does not make one")
    if options.answers is not None and options.replay is not None:
        parser.error("--answers and --replay both choose the answers: give one of them")
    if (options.record is None) != (options.upstream is None):
        parser.error("--record and --upstream go together: give both or none")
    if options.record is not None:
        from mock_api.net.recorder import record  # noqa: PLC0415  # it imports httpx, slowly

        return record(options.host, options.port, options.upstream, options.record)
    _raise_descriptor_limit()
    try:
        answers = _answers(options)
        certificate = _certificate(options) if tls else None
        workers = [_bind(options, certificate)]
        while len(workers) < options.workers:
            workers.append(_bind_again(workers[0]))
    except (OSError, ValueError) as error:
        print(f"mock_api: {error}", file=sys.stderr)
        return 1
    ready = json.dumps(_addresses(workers[0], options, certificate))
    stdin = sys.stdin.fileno() if options.exit_on_stdin_eof else None
    services = Services(options.journal_size)
    defaults = Options(
        chunks=options.chunks,
        delay=options.delay / 1000,
        pace=Pace(options.tps, options.ttft / 1000, options.jitter / 1000, options.seed),
        strict=options.strict,
        models=tuple(options.model),
    )
    app = App(services, options=defaults, workers=options.workers, answers=answers)
    try:
        announce = partial(_announce, ready, quiet=options.quiet)
        if options.workers == 1:
            serve(app, services, workers[0], ready=announce, exit_on_eof=stdin)
        else:
            return supervise(app, services, workers, ready=announce, exit_on_eof=stdin)
    finally:
        if options.socket is not None:
            options.socket.unlink(missing_ok=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mock_api", description="The misbehaving LLM API: the request chooses the answer."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=_port, default=0, help="TCP port; 0 picks one (default)")
    add("--tls", action="store_true", help="listen for TLS as well")
    add("--tls-port", type=_port, metavar="PORT", help="port for TLS; 0 picks one (default)")
    add("--tls-cert", type=Path, metavar="FILE", help="certificate chain, PEM")
    add("--tls-key", type=Path, metavar="FILE", help="its private key, PEM")
    add("--ca-file", type=Path, metavar="FILE", help="write the self-made CA's certificate here")
    add("--socket", type=Path, metavar="PATH", help="listen on a Unix socket as well")
    add("--chunks", type=_count, default=18, metavar="N", help="deltas of the ordinary answer (18)")
    add("--delay", type=_milliseconds, default=0.0, metavar="MS", help="before each event (0)")
    add("--tps", type=_rate, metavar="N", help="tokens per second of every answer (all at once)")
    add("--ttft", type=_milliseconds, default=0.0, metavar="MS", help="before the first token (0)")
    add("--jitter", type=_milliseconds, default=0.0, metavar="MS", help="more before each, at most")
    add("--seed", type=_count, default=1, metavar="N", help="of the jitter (1)")
    add("--strict", action="store_true", help="validate requests as the API does")
    add("--model", action="append", default=[], metavar="NAME", help="a model that exists (any)")
    add("--answers", type=Path, metavar="FILE", help="answers by content, YAML or JSON")
    add("--replay", type=Path, metavar="FILE", help="play a recording; refuse other requests")
    add("--record", type=Path, metavar="FILE", help="record the exchanges with --upstream here")
    add("--upstream", metavar="URL", help="the API to record; the mock passes requests on to it")
    add("--workers", type=_positive, default=1, metavar="N", help="processes; for load only (1)")
    add(
        "--journal-size",
        type=_positive,
        default=JOURNAL_SIZE,
        metavar="N",
        help="entries the journal keeps (default %(default)s)",
    )
    add("--exit-on-stdin-eof", action="store_true", help="stop when stdin ends")
    add("--quiet", action="store_true", help="print nothing on stderr")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, found {text!r}")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, found {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST:
        raise argparse.ArgumentTypeError(
            f"expected a whole number from 0 to {MOST}, found {text!r}"
        )
    return int(text)


def _rate(text: str) -> float:
    try:
        return read_pace(text).rate or 0.0
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected tokens per second from 1 to {MOST_RATE}, found {text!r}"
        ) from None


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 60_000:
        raise argparse.ArgumentTypeError(f"expected milliseconds from 0 to 60000, found {text!r}")
    return value


def _answers(options: argparse.Namespace) -> Answers:
    """The rules of a file. Raises OSError and ValueError."""
    path = options.answers or options.replay
    return Answers() if path is None else Answers(load(path), only=options.replay is not None)


def _certificate(options: argparse.Namespace) -> Certificate:
    if options.tls_cert is not None:
        return from_files(options.tls_cert, options.tls_key)
    names = dict.fromkeys((options.host, "127.0.0.1", "::1", "localhost"))
    return self_made(options.ca_file, tuple(names))


def _bind(options: argparse.Namespace, certificate: Certificate | None) -> list[Listener]:
    shared = options.workers > 1
    listeners = [Listener(bind_tcp(options.host, options.port, shared=shared))]
    if certificate is not None:
        tls = bind_tcp(options.host, options.tls_port or 0, shared=shared)
        listeners.append(Listener(tls, certificate))
    if options.socket is not None:
        listeners.append(Listener(bind_unix(options.socket)))
    return listeners


def _bind_again(first: list[Listener]) -> list[Listener]:
    """Listeners for another worker: TCP ports are bound again, a Unix socket is shared."""
    again = []
    for listener in first:
        sock = listener.sock
        if sock.family != socket.AF_UNIX:
            host, port = sock.getsockname()[:2]
            sock = bind_tcp(host, port, shared=True)
        again.append(Listener(sock, listener.certificate))
    return again


def _addresses(
    listeners: list[Listener], options: argparse.Namespace, certificate: Certificate | None
) -> dict[str, object]:
    def url(scheme: str, listener: Listener) -> str:
        host, port = listener.sock.getsockname()[:2]
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    plain = url("http", listeners[0])
    return {
        "ready": True,
        "pid": os.getpid(),
        "http": f"{plain}/v1",
        "https": f"{url('https', listeners[1])}/v1" if certificate else None,
        "socket": str(options.socket) if options.socket else None,
        "ca_file": str(certificate.ca_file) if certificate and certificate.ca_file else None,
        "control": f"{plain}{PREFIX}",
    }


def _announce(ready: str, *, quiet: bool) -> None:
    print(ready, flush=True)
    if not quiet:
        shown = json.loads(ready)
        places = [str(shown[name]) for name in ("http", "https", "socket") if shown[name]]
        print(f"mock_api: listening on {', '.join(places)}", file=sys.stderr)


def _raise_descriptor_limit() -> None:
    """Allow as many descriptors as possible: thousands of streams need thousands."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
