"""The tables for daemons that are reached over HTTP: [client], [files], [setup], [signals]."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.daemon.manifest import ManifestError, SetupRequest
from conformance.daemon.places import write_files
from conformance.running.manifests import load

GATEWAY = """\
[daemon]
name = "proxy"
profile = "gateway"

[run]
command = ["proxy", "{state}/proxy.conf"]
ready = "/health"

[files]
"proxy.conf" = "proxy.conf.in"
"inline.yaml" = '''
port: {port}
idle: {option_idle_timeout}
'''

[client]
path = "/openai/v1/chat/completions"
model = "m"
key = "sk-client"
headers = { x-target = "{api_host}" }

[setup]
command = ["true"]
requests = [{ path = "/channel", body = "{api_key}", headers = { a = "b" } }]

[signals]
stop = "QUIT"

[options]
idle_timeout = { default = "60s", format = "{s}s" }

[variants.tls.client]
scheme = "https"
"""


def written(folder: Path, text: str) -> Path:
    (folder / "proxy.conf.in").write_text("listen {host}:{port};\napi {api_address};\n")
    path = folder / "daemon.toml"
    path.write_text(text)
    return path


def test_reads_everything(tmp_path: Path) -> None:
    manifest = load(written(tmp_path, GATEWAY))
    assert manifest.run.ready == "/health"
    assert (manifest.client.path, manifest.client.model) == ("/openai/v1/chat/completions", "m")
    assert (manifest.client.key, manifest.client.scheme) == ("sk-client", "http")
    assert manifest.client.headers == {"x-target": "{api_host}"}
    assert manifest.setup.command == ("true",)
    assert manifest.setup.requests == (SetupRequest("POST", "/channel", {"a": "b"}, "{api_key}"),)
    assert manifest.stop.signal == "QUIT"
    tls = manifest.client_of(manifest.variant("tls"))
    assert (tls.scheme, tls.key, tls.model) == ("https", "sk-client", "m")


def test_templates_are_filled_and_written(tmp_path: Path) -> None:
    manifest = load(written(tmp_path, GATEWAY))
    state = tmp_path / "state"
    state.mkdir()
    places = {"state": str(state), "host": "127.0.0.1", "port": "80", "api_address": "api:1"}
    places |= manifest.placed({"idle_timeout": "0.3"})
    write_files(manifest, manifest.variants[0], places)
    assert (state / "proxy.conf").read_text() == "listen 127.0.0.1:80;\napi api:1;\n"
    assert (state / "inline.yaml").read_text() == "port: 80\nidle: 1s\n"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "60s"), ("2", "2s"), ("2.1", "3s"), ("0.1", "1s")]
)
def test_an_option_in_a_file_has_its_own_format(
    tmp_path: Path, value: str | None, text: str
) -> None:
    manifest = load(written(tmp_path, GATEWAY))
    options = {} if value is None else {"idle_timeout": value}
    assert manifest.placed(options) == {"option_idle_timeout": text}
    assert manifest.inexpressible(["idle_timeout", "other"]) == ("other",)


@pytest.mark.parametrize(
    ("old", "new", "line", "problem", "fix"),
    [
        (
            "{option_idle_timeout}",
            "{option_idle}",
            11,
            "unknown placeholder {option_idle}",
            "idle_t",
        ),
        ("port: {port}", "port: {prot}", 11, "{prot} in line 1 of inline.yaml", "'port'"),
        ('"proxy.conf.in"', '"missing.in"', 10, "missing.in cannot be read", "give the path"),
        ('"proxy.conf" =', '"a/proxy.conf" =', 10, "is not a file's name", "without a folder"),
        ('path = "/openai', 'path = "openai', 17, "is not a path", 'path = "/openai'),
        ('key = "sk-client"', 'keys = "sk-client"', 19, "unknown key 'keys'", "'key'"),
        ('stop = "QUIT"', 'stop = "QIUT"', 27, "unknown stop 'QIUT'", "'QUIT'"),
        ('{ path = "/channel"', '{ paths = "/channel"', 24, "unknown key 'paths'", "'path'"),
        ('format = "{s}s"', 'format = "s"', 30, "no place for the value", "{s} for whole seconds"),
        ('scheme = "https"', 'scheme = "htps"', 33, "unknown scheme 'htps'", "'https'"),
    ],
)
def test_an_error_quotes_the_line_and_says_the_fix(
    tmp_path: Path, old: str, new: str, line: int, problem: str, fix: str
) -> None:
    assert old in GATEWAY
    with pytest.raises(ManifestError) as caught:
        load(written(tmp_path, GATEWAY.replace(old, new, 1)))
    assert problem in str(caught.value)
    assert fix in str(caught.value)
    assert caught.value.line == line


def test_a_template_can_tell_the_daemon_where_to_listen(tmp_path: Path) -> None:
    text = GATEWAY.replace("port: {port}", "none").replace('"proxy.conf" = "proxy.conf.in"', "")
    with pytest.raises(ManifestError, match=r"nothing in \[run\] tells the daemon where to listen"):
        load(written(tmp_path, text))
