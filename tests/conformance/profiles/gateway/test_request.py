"""The request that a scenario's fields stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.daemon.manifest import ANY_MODEL
from conformance.profiles.gateway.request import body_of, with_model
from conformance.profiles.relay.request import marked
from conformance.running.manifests import load

MANIFEST = """
[daemon]
name = "relay"
profile = "gateway"

[run]
command = ["./relay", "{port}"]

[capabilities]
pattern = "prompt"
"""


@pytest.mark.parametrize(
    ("listed", "fields", "sent"),
    [
        (ANY_MODEL, {}, ANY_MODEL),
        (ANY_MODEL, {"model": "own"}, "own"),
        ("mock", {}, "mock"),
        ("mock", {"model": "own"}, "mock"),
    ],
)
def test_a_listed_model_is_the_only_one(listed: str, fields: dict[str, str], sent: str) -> None:
    assert body_of(with_model(fields, listed), model=listed)["model"] == sent


def test_the_mark_stands_in_the_last_user_message(tmp_path: Path) -> None:
    (tmp_path / "daemon.toml").write_text(MANIFEST)
    manifest = load(tmp_path / "daemon.toml")
    said = [
        {"role": "user", "content": "first"},
        {"role": "user", "content": "last"},
        {"role": "assistant", "content": "yes"},
    ]
    result = marked(
        {"messages": said},
        pattern="short",
        token="t1",
        manifest=manifest,
        variant=manifest.variants[0],
    )
    contents = [message["content"] for message in result.fields["messages"]]
    assert contents == ["first", "last [[test:short;t=t1]]", "yes"]
    assert result.header is None
    assert said[1]["content"] == "last"
