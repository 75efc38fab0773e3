"""Requests whose framing is ambiguous or broken: they never become two upstream requests."""

from collections.abc import Callable

from conformance.core.evidence import Ending
from conformance.core.scenario import scenario
from conformance.profiles.gateway.bench import GatewayBench

H1 = ("client=h1",)

SMUGGLING = "RFC 9112 6.3; CWE-444"

WAITING = 1.0
"""Seconds after which a gateway that does not answer is waiting for more of the request."""

Edit = Callable[[bytes], bytes]


def _parts(text: bytes) -> tuple[list[bytes], bytes]:
    """The lines of a request's head without its length, and its body."""
    head, _, body = text.partition(b"\r\n\r\n")
    return [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")], body


def _joined(lines: list[bytes], body: bytes) -> bytes:
    return b"\r\n".join([*lines, b"", body])


async def _never_two(bench: GatewayBench, edit: Callable[[bytes, bytes], bytes]) -> None:
    """Send a request with another one hidden in it. The API receives the first at most once.

    edit: makes the bytes from the two requests.

    The client stays until the first request is answered: a gateway may drop a second one
    whose client has left.
    """
    hidden = bench.exchange(pattern="short", http2=False)
    other = hidden.opening.request
    exchange = bench.exchange(pattern="short", http2=False, edit=lambda text: edit(text, other))
    async with exchange:
        await exchange.start()
        if not await bench.until(
            lambda: exchange.seen().transcript.ending is not Ending.DEADLINE, within=WAITING
        ):
            exchange.half_close()
            await exchange.ended()
        await bench.healthy()  # by then the API has received a second request, too
    await bench.asked(exchange, clause="G3")
    await bench.not_asked(hidden, clause="G3")


def _chunked_within_length(*lines: bytes) -> Callable[[bytes, bytes], bytes]:
    """A body in one chunk with the hidden request after it; the length covers both."""

    def edit(text: bytes, hidden: bytes) -> bytes:
        head, body = _parts(text)
        framed = b"%x\r\n%s\r\n0\r\n\r\n%s" % (len(body), body, hidden)
        return _joined([*head, *lines, b"Content-Length: %d" % len(framed)], framed)

    return edit


def _lengths(*formats: bytes) -> Callable[[bytes, bytes], bytes]:
    """Lines of length fields: `%d` is the body's length, `%D` includes the hidden request."""

    def edit(text: bytes, hidden: bytes) -> bytes:
        head, body = _parts(text)
        short, long = str(len(body)).encode(), str(len(body) + len(hidden)).encode()
        lines = [line.replace(b"%d", short).replace(b"%D", long) for line in formats]
        return _joined([*head, *lines], body + hidden)

    return edit


@scenario(clause="G3", needs=H1, evidence=SMUGGLING)
async def framing_length_and_chunked(bench: GatewayBench) -> None:
    """The API receives one request where the client sends Content-Length and Transfer-Encoding."""
    await _never_two(bench, _chunked_within_length(b"Transfer-Encoding: chunked"))


@scenario(clause="G3", needs=H1, evidence=SMUGGLING)
async def framing_two_lengths(bench: GatewayBench) -> None:
    """The API receives one request at most where the client sends two different lengths."""
    await _never_two(bench, _lengths(b"Content-Length: %d", b"Content-Length: %D"))
    await _never_two(bench, _lengths(b"Content-Length: %D", b"Content-Length: %d"))


@scenario(clause="G3", needs=H1, evidence=SMUGGLING)
async def framing_list_of_lengths(bench: GatewayBench) -> None:
    """The API receives one request at most where the length is a list of two numbers."""
    await _never_two(bench, _lengths(b"Content-Length: %d, %D"))


@scenario(clause="G3", needs=H1, evidence="CVE-2023-25725, CVE-2019-18277")
async def framing_hidden_transfer_encoding(bench: GatewayBench) -> None:
    """The API receives one request at most where only some servers see a Transfer-Encoding."""
    for line in (
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: \x0bchunked",
        b"Transfer-Encoding: chunked, identity",
        b'Transfer-Encoding: "chunked"',
        b"Transfer-Encoding : chunked",
        b"X-Folded: one\r\n Transfer-Encoding: chunked",
    ):
        await _never_two(bench, _chunked_within_length(line))


@scenario(clause=("G3", "L4"), needs=H1, evidence="RFC 9112 7.1; CVE-2021-32785")
async def framing_bad_chunk_size(bench: GatewayBench) -> None:
    """A request with a bad chunk size makes at most one upstream request, and harms no other."""
    for size in (b"zz", b"-1", b"ffffffffffffffffff", b"0x10", b""):
        async with bench.exchange(pattern="short", http2=False, edit=_chunked(size)) as exchange:
            await exchange.start()
            exchange.half_close()
            await exchange.ended()
        await bench.asked(exchange, clause="G3")
    await bench.healthy()


def _chunked(size: bytes) -> Edit:
    """The body in one chunk that announces this size."""

    def edit(text: bytes) -> bytes:
        head, body = _parts(text)
        framed = size + b"\r\n" + body + b"\r\n0\r\n\r\n"
        return _joined([*head, b"Transfer-Encoding: chunked"], framed)

    return edit


@scenario(clause=("G3", "L4"), needs=H1, evidence="RFC 9112 8")
async def framing_body_too_short(bench: GatewayBench) -> None:
    """A client that leaves before its request is complete makes no complete upstream request."""
    async with bench.exchange(
        pattern="short", http2=False, edit=lambda text: text[:-20]
    ) as exchange:
        await exchange.start()
        exchange.half_close()
        await exchange.ended()
    await bench.not_asked(exchange, clause="G3")
    await bench.healthy()


@scenario(clause=("U1", "R1"), needs=H1, everywhere=True, evidence="RFC 9112 7.1")
async def framing_chunked_request(bench: GatewayBench) -> None:
    """A request whose body is sent in chunks arrives whole."""

    def chunks(text: bytes) -> bytes:
        head, body = _parts(text)
        parts = [body[at : at + 7] for at in range(0, len(body), 7)]
        framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
        return _joined([*head, b"Transfer-Encoding: chunked"], framed + b"0\r\n\r\n")

    async with bench.exchange(pattern="short", http2=False, edit=chunks) as exchange:
        await exchange.start()
        checks = await exchange.response()
    checks.no_error().content_as_sent().done_marker().applied("short").request_unchanged()


@scenario(clause="U1", needs=H1, evidence="RFC 9110 10.1.1; curl sends it above 1 MiB")
async def framing_expect_continue(bench: GatewayBench) -> None:
    """A request with `Expect: 100-continue` is answered, whether the gateway sends 100 or not."""

    def edit(text: bytes) -> bytes:
        return text.replace(b"Content-Length:", b"Expect: 100-continue\r\nContent-Length:", 1)

    async with bench.exchange(pattern="short", http2=False, edit=edit) as exchange:
        await exchange.start()
        checks = await exchange.response()
    checks.content_as_sent().applied("short")
