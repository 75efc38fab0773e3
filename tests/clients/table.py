"""The table: for each pattern, what a client must report; and the clients that do not.

DEVIATIONS lists what a client of the pinned version does in another way. It is a list of facts: a
test fails as well when a client does not deviate any more. docs/clients.md is generated from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mock_api.language.answer import Options
from mock_api.language.patterns import answer

CALL = ["weather", '{"city":"Zürich"}']


@dataclass(frozen=True)
class Case:
    """A request, and what a client that is right reports."""

    pattern: str
    stream: bool = True
    text: str = ""
    calls: list[list[str]] = field(default_factory=list)
    finish: str | None = "stop"
    tokens: int | None = None
    error: str | None = None
    """The kind of error; the fields before it are not judged then."""

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"{self.pattern or '(none)'}{'' if self.stream else ', stream: false'}"

    def differences(self, seen: dict[str, Any]) -> dict[str, Any]:
        """What the client reports that is not right."""
        names = ("error",) if self.error else ("error", "text", "calls", "finish", "tokens")
        return {name: seen[name] for name in names if seen[name] != getattr(self, name)}


def _case(pattern: str, base: str = "", **fields: Any) -> Case:
    said = answer(base, Options())
    calls = [CALL] if said.calls else []
    given = {"text": said.text(), "finish": said.finish, "tokens": said.tokens, "calls": calls}
    return Case(pattern, **{**given, **fields})


CASES = (
    _case(""),
    _case("", stream=False),
    _case("unicode", "unicode"),
    _case("unicode", "unicode", stream=False),
    _case("tools", "tools"),
    _case("tools", "tools", stream=False),
    _case("finish:length", "finish:length"),
    _case("reasoning", "reasoning"),
    _case("odd", "odd"),
    _case("unicode+bytes+gzip", "unicode"),
    _case("crlf+comments"),
    _case("cr"),
    _case("bom"),
    _case("multiline"),
    _case("dataless"),
    _case("ollama"),
    _case("vllm"),
    _case("mistral"),
    _case("tools+gemini", "tools", finish="stop"),
    _case("azure"),
    _case("openrouter"),
    Case("status:401", error="authentication"),
    Case("status:429", error="rate limit"),
    Case("status:500", error="server error"),
    Case("status:429", stream=False, error="rate limit"),
    Case("error:3", error="failed"),
    Case("error:3+openrouter", error="failed"),
    Case("fin:3", error="cut off"),
    Case("reset:3", error="cut off"),
)


@dataclass(frozen=True)
class Client:
    """A client: its driver, and the package whose version is pinned."""

    name: str
    driver: str
    """A file in drivers/, or the folder of a Go program."""
    package: str
    only: tuple[str, ...] | None = None
    """The patterns that make sense on its path; None: all."""
    streams_only: bool = False

    @property
    def toolchain(self) -> str:
        """`python`, `node` or `go`."""
        ends = {".py": "python", ".mjs": "node"}
        return next((kind for end, kind in ends.items() if self.driver.endswith(end)), "go")

    def cases(self) -> list[Case]:
        """The cases for this client."""
        return [
            case
            for case in CASES
            if (self.only is None or case.pattern in self.only)
            and (case.stream or not self.streams_only)
        ]


ELSEWHERE = (
    *("", "unicode", "tools", "finish:length", "reasoning", "unicode+bytes+gzip", "crlf+comments"),
    *("status:401", "status:429", "status:500", "error:3", "fin:3", "reset:3"),
)
"""The patterns of paths other than chat completions."""

CLIENTS = (
    Client("openai-python", "openai_python.py", "openai"),
    Client("openai-python, stream()", "openai_python_stream.py", "openai", streams_only=True),
    Client("openai-python, responses", "openai_python_responses.py", "openai", ELSEWHERE),
    Client("anthropic-python", "anthropic_python.py", "anthropic", ELSEWHERE),
    Client("langchain-openai", "langchain_openai_chat.py", "langchain-openai"),
    Client("litellm", "litellm_completion.py", "litellm"),
    Client("httpx-sse", "httpx_sse_events.py", "httpx-sse"),
    Client("aiohttp", "aiohttp_lines.py", "aiohttp"),
    Client("curl", "curl_lines.py", "curl"),
    Client("openai-node", "openai_node.mjs", "openai"),
    Client("openai-node, stream()", "openai_node_stream.mjs", "openai", streams_only=True),
    Client("@langchain/openai", "langchain_node.mjs", "@langchain/openai"),
    Client("Vercel AI SDK", "ai_sdk.mjs", "@ai-sdk/openai-compatible"),
    Client("eventsource-parser", "eventsource_parser.mjs", "eventsource-parser"),
    Client("openai-go", "openai_go", "github.com/openai/openai-go/v3"),
)

BOM = "loses the first event after a byte order mark, and reports a complete answer"
EMPTY = "takes an event without data for one with empty data, and parses that as JSON"
CUT = "takes a chunked body that is cut off for a clean end (fetch of Node 20)"
UNCLEAR = "reports a cut-off body as a malformed answer: fetch of Node 20 hides the cut"
LINES = "reads lines, so an event of several `data` lines is two halves"
PARTS = "does not know content as a list of parts"
INDEX = "needs an index in each call"


def _deviations() -> Iterator[tuple[str, str, str]]:
    """Client, cases, and what the client does."""
    yield "openai-python", "bom", BOM
    yield "openai-python", "dataless", EMPTY
    helper = "openai-python, stream()"
    yield helper, "bom", BOM
    yield helper, "dataless", EMPTY
    yield helper, "finish:length", "raises LengthFinishReasonError for an answer that is cut short"
    yield helper, "odd", "raises AttributeError for a choice without a delta"
    yield helper, "mistral", PARTS
    yield helper, "tools+gemini", INDEX
    yield "langchain-openai", "bom", BOM
    yield "langchain-openai", "dataless", EMPTY
    yield "litellm", "bom", BOM
    yield "litellm", "dataless", EMPTY
    yield "litellm", "mistral", f"{PARTS}; reports the first part alone"
    yield "litellm", "tools+gemini", "replaces finish_reason `stop` after calls by `tool_calls`"
    yield "litellm", "fin:3", "reports a cut-off body as a failure of the model"
    yield "litellm", "reset:3", "reports a reset connection as a failure of the model"
    yield "httpx-sse", "bom", BOM
    yield "aiohttp", "cr", "reads lines that end in LF alone"
    yield "aiohttp", "multiline", LINES
    yield "curl", "multiline", LINES
    yield "openai-node", "dataless", EMPTY
    yield "openai-node", "fin:3", CUT
    yield "openai-node", "reset:3", CUT
    helper = "openai-node, stream()"
    yield helper, "odd", "raises an error for a choice without a delta"
    yield helper, "dataless", EMPTY
    yield helper, "tools+gemini", f"{INDEX}; loses the call without an error"
    yield helper, "fin:3", UNCLEAR
    yield helper, "reset:3", UNCLEAR
    yield "@langchain/openai", "dataless", EMPTY
    yield "@langchain/openai", "mistral", f"{PARTS}; reports an empty answer"
    yield "@langchain/openai", "fin:3", CUT
    yield "@langchain/openai", "reset:3", CUT
    yield "Vercel AI SDK", "odd", "raises an error for a chunk without `choices`"
    yield "Vercel AI SDK", "fin:3", UNCLEAR
    yield "Vercel AI SDK", "reset:3", UNCLEAR
    yield "eventsource-parser", "fin:3", CUT
    yield "eventsource-parser", "reset:3", CUT
    yield "openai-go", "cr", "reads lines that end in LF alone; reports an empty answer"
    yield "openai-go", "bom", BOM
    yield "openai-go", "mistral", f"{PARTS}; reports their JSON as the text"


DEVIATIONS = {(client, case): what for client, case, what in _deviations()}
"""What a client of the pinned version does not do as the table says."""


def versions() -> dict[tuple[str, str], str]:
    """The pinned versions, by toolchain and package."""
    folder = Path(__file__).parent
    found = {("python", "curl"): "any"}
    for line in (folder / "requirements.txt").read_text().split():
        package, _, version = line.partition("==")
        found["python", package] = version
    pinned = json.loads((folder / "drivers" / "package.json").read_text())["dependencies"]
    found |= {("node", package): version for package, version in pinned.items()}
    for line in (folder / "drivers" / "openai_go" / "go.mod").read_text().splitlines():
        if "openai-go" in line:
            package, version = line.removeprefix("require").split()[:2]
            found["go", package] = version.removeprefix("v")
    return found


def clients_table() -> Iterator[str]:
    """The clients, their versions, and on how many cases they do as the table says."""
    yield "| client | package | version | as sent |"
    yield "|---|---|---|---|"
    known = versions()
    for client in CLIENTS:
        cases = client.cases()
        wrong = sum(1 for owner, _ in DEVIATIONS if owner == client.name)
        version = known[client.toolchain, client.package]
        shown = f"{len(cases) - wrong} of {len(cases)}"
        yield f"| {client.name} | `{client.package}` | {version} | {shown} |"


def deviations_table() -> Iterator[str]:
    """What each client does not do as the table says."""
    yield "| client | pattern | what it does |"
    yield "|---|---|---|"
    for (client, case), what in DEVIATIONS.items():
        yield f"| {client} | `{case}` | {what} |"
