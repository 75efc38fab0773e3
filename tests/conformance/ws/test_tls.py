"""TLS, headers, queries and subprotocols on real connections."""

from __future__ import annotations

import json
import ssl
from typing import Any
from urllib.parse import urlsplit

import pytest
import websockets
from websockets.sync.server import ServerConnection
from ws_servers import Authority, Serve, failing, play, serving_api

from conformance.ws import RestRequest, WSResponse, WSTest
from conformance.ws.connection import header_keyword


def introduces(socket: ServerConnection) -> None:
    """Tell the client what its handshake was."""
    assert socket.request is not None
    told = {
        "path": socket.request.path,
        "headers": {key.lower(): value for key, value in socket.request.headers.raw_items()},
        "subprotocol": socket.subprotocol,
    }
    socket.send(json.dumps(told))


def introduced(test: WSTest) -> Any:
    """What the server saw of the handshake."""
    play(test.with_response(WSResponse().with_attribute("path")))
    return json.loads(test.received_json[0])


def test_a_certificate_is_verified_against_a_context(serve: Serve, authority: Authority) -> None:
    url = serve(introduces, ssl=authority.server())
    introduced(WSTest(url).with_tls(authority.client()))


def test_a_certificate_is_verified_against_the_environment(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = serve(introduces, ssl=authority.server())
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    introduced(WSTest(url))


def test_an_unknown_authority_is_refused_with_advice(serve: Serve, authority: Authority) -> None:
    url = serve(introduces, ssl=authority.server())
    error = failing(WSTest(url), ssl.SSLCertVerificationError)
    assert ".without_tls_verification()" in error.__notes__[0]


def test_another_host_is_refused(serve: Serve, authority: Authority) -> None:
    url = serve(introduces, ssl=authority.server("example.com"))
    failing(WSTest(url).with_tls(authority.client()), ssl.SSLCertVerificationError)


def test_any_certificate_is_accepted_on_demand(serve: Serve, authority: Authority) -> None:
    url = serve(introduces, ssl=authority.server("example.com"))
    introduced(WSTest(url).without_tls_verification())


def test_a_scheme_in_capitals_is_tls_too(serve: Serve, authority: Authority) -> None:
    url = serve(introduces, ssl=authority.server())
    introduced(WSTest(url.replace("wss", "WSS")).with_tls(authority.client()))


def test_requests_share_the_context(serve: Serve, authority: Authority) -> None:
    with serving_api(authority.server()) as api:
        test = WSTest(serve(introduces, ssl=authority.server())).with_tls(authority.client())
        test.with_request(RestRequest(api.url, "GET").expect_status(200))
        introduced(test)


def test_a_request_is_verified_too(serve: Serve, authority: Authority) -> None:
    import httpx  # noqa: PLC0415 - only here

    with serving_api(authority.server()) as api:
        test = WSTest(serve(introduces)).with_request(RestRequest(api.url, "GET"))
        assert "CERTIFICATE_VERIFY_FAILED" in str(failing(test, httpx.ConnectError))


def test_the_installed_library_has_the_newer_keyword() -> None:
    assert header_keyword() == "additional_headers"


def test_an_older_library_has_the_older_keyword(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(uri: str, *, extra_headers: object = None) -> None:
        raise NotImplementedError

    monkeypatch.setattr(websockets, "connect", connect)
    assert header_keyword() == "extra_headers"


def test_headers_reach_the_server(serve: Serve, authority: Authority) -> None:
    url = serve(introduces, ssl=authority.server())
    test = WSTest(url).with_tls(authority.client())
    test.with_header("Authorization", "Bearer x").with_header("X-Number", 5)
    headers = introduced(test)["headers"]
    assert (headers["authorization"], headers["x-number"]) == ("Bearer x", "5")


def test_parameters_reach_the_server(serve: Serve) -> None:
    test = WSTest(serve(introduces)).with_parameter("name", "Rob").with_parameter("n", 5)
    assert urlsplit(introduced(test)["path"]).query == "name=Rob&n=5"


def test_parameters_are_percent_encoded_on_demand(serve: Serve) -> None:
    test = WSTest(f"{serve(introduces)}/ws?a=1").with_percent_encoding()
    test.with_parameter("name", "Zoë & Rob ").with_parameter("n", 5)
    assert introduced(test)["path"] == "/ws?a=1&name=Zo%C3%AB+%26+Rob+&n=5"


def test_a_query_alone_stays(serve: Serve) -> None:
    test = WSTest(f"{serve(introduces)}/ws?a=1").with_percent_encoding()
    assert introduced(test)["path"] == "/ws?a=1"


def test_a_subprotocol_is_chosen(serve: Serve) -> None:
    url = serve(introduces, subprotocols=["chat.v2", "chat.v1"])
    test = WSTest(url).with_subprotocol("chat.v0").with_subprotocol("chat.v1")
    assert introduced(test)["subprotocol"] == "chat.v1"
    assert "subprotocol chat.v1" in str(test.transcript)


def test_options_reach_the_library(serve: Serve) -> None:
    test = WSTest(serve(introduces)).with_option("user_agent_header", "tester/1")
    assert introduced(test)["headers"]["user-agent"] == "tester/1"
