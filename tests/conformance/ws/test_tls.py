"""TLS, headers, queries and subprotocols on real connections."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme
import websockets
from websockets.sync.server import ServerConnection

from conformance.ws import RestRequest, RestTLSError, WSResponse, WSTest
from conformance.ws.connection import header_keyword
from conformance.ws.tls import client_context
from tests.conformance.ws.servers import Authority, Serve, failing, play, serving_api


def introduces(socket: ServerConnection) -> None:
    """Send the client its own handshake."""
    assert socket.request is not None
    handshake = {
        "path": socket.request.path,
        "headers": {key.lower(): value for key, value in socket.request.headers.raw_items()},
        "subprotocol": socket.subprotocol,
    }
    socket.send(json.dumps(handshake))


def introduced(test: WSTest) -> Any:
    """Return the handshake as the server saw it."""
    play(test.with_response(WSResponse().with_attribute("path")))
    return json.loads(test.received_json[0])


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """An authority that did not sign the server's certificate."""
    return Authority(trustme.CA(), tmp_path)


Refused = ssl.SSLCertVerificationError


def test_a_context_decides_which_certificate_passes(
    serve: Serve, authority: Authority, stranger: Authority
) -> None:
    url = serve(introduces, ssl=authority.server())
    introduced(WSTest(url).with_tls(authority.client()))
    failing(WSTest(url).with_tls(stranger.client()), Refused)


def test_a_trusted_certificate_decides_which_certificate_passes(
    serve: Serve, authority: Authority, stranger: Authority
) -> None:
    url = serve(introduces, ssl=authority.server())
    introduced(WSTest(url).with_trusted_certificate(authority.ca_file))
    failing(WSTest(url).with_trusted_certificate(stranger.ca_file), Refused)


def test_trusted_certificates_accumulate(
    serve: Serve, authority: Authority, stranger: Authority
) -> None:
    test = WSTest(serve(introduces, ssl=authority.server()))
    introduced(
        test.with_trusted_certificate(str(authority.ca_file)).with_trusted_certificate(
            stranger.ca_file
        )
    )


def test_a_trusted_certificate_does_not_replace_the_machines_authorities(
    authority: Authority,
) -> None:
    trusted = WSTest("wss://localhost").with_trusted_certificate(authority.ca_file).tls
    assert trusted is not None
    assert len(trusted.get_ca_certs()) == len(client_context().get_ca_certs()) + 1


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
def test_a_file_without_certificates_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"^expected a PEM file with certificates, found .*ca\.pem"
    ):
        WSTest("wss://localhost").with_trusted_certificate(path)


def test_the_environment_decides_which_certificate_passes(
    serve: Serve, authority: Authority, stranger: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = serve(introduces, ssl=authority.server())
    monkeypatch.setenv("SSL_CERT_FILE", str(stranger.ca_file))
    failing(WSTest(url), Refused)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    introduced(WSTest(url))


def test_an_unknown_authority_is_refused_with_advice(serve: Serve, authority: Authority) -> None:
    url = serve(introduces, ssl=authority.server())
    advice = failing(WSTest(url), Refused).__notes__[0]
    assert advice.startswith("expected a certificate that this machine trusts, found ")
    assert (
        f'({url}); trust a private certificate with .with_trusted_certificate("ca.pem")' in advice
    )
    assert advice.endswith("accept any certificate with .without_tls_verification()")


def test_another_host_is_refused(serve: Serve, authority: Authority) -> None:
    url = serve(introduces, ssl=authority.server("example.com"))
    failing(WSTest(url).with_tls(authority.client()), Refused)
    failing(WSTest(url).with_trusted_certificate(authority.ca_file), Refused)


def test_any_certificate_is_accepted_on_demand(serve: Serve, authority: Authority) -> None:
    url = serve(introduces, ssl=authority.server("example.com"))
    introduced(WSTest(url).without_tls_verification())


def test_a_scheme_in_capitals_means_tls_too(serve: Serve, authority: Authority) -> None:
    url = serve(introduces, ssl=authority.server()).replace("wss", "WSS")
    introduced(WSTest(url).with_tls(authority.client()))
    failing(WSTest(url), Refused)


def test_requests_share_the_context_of_the_test(
    serve: Serve, authority: Authority, stranger: Authority
) -> None:
    with serving_api(authority.server()) as api:

        def test(trusted: Authority) -> WSTest:
            request = RestRequest(api.url, "GET").expect_status(200)
            return WSTest(serve(introduces)).with_tls(trusted.client()).with_request(request)

        introduced(test(authority))
        failing(test(stranger), RestTLSError)


def test_the_context_of_a_request_comes_first(
    serve: Serve, authority: Authority, stranger: Authority
) -> None:
    with serving_api(authority.server()) as api:

        def test(of_test: Authority, of_request: Authority) -> WSTest:
            request = RestRequest(api.url, "GET").with_tls(of_request.client())
            return WSTest(serve(introduces)).with_tls(of_test.client()).with_request(request)

        introduced(test(of_test=stranger, of_request=authority))
        failing(test(of_test=authority, of_request=stranger), RestTLSError)


def test_a_request_alone_verifies_too(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving_api(authority.server()) as api:
        request = RestRequest(api.url, "GET")
        failing(WSTest(serve(introduces)).with_request(request), RestTLSError)
        with pytest.raises(RestTLSError, match="CERTIFICATE_VERIFY_FAILED"):
            request.send(20)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        assert request.send(20).ok


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


def test_encoded_parameters_start_a_query(serve: Serve) -> None:
    test = WSTest(f"{serve(introduces)}/ws").with_percent_encoding().with_parameter("a", "b c")
    assert introduced(test)["path"] == "/ws?a=b+c"


def test_a_query_without_parameters_does_not_change(serve: Serve) -> None:
    test = WSTest(f"{serve(introduces)}/ws?a=1").with_percent_encoding()
    assert introduced(test)["path"] == "/ws?a=1"


def test_the_server_chooses_a_subprotocol(serve: Serve) -> None:
    url = serve(introduces, subprotocols=["chat.v2", "chat.v1"])
    test = WSTest(url).with_subprotocol("chat.v0").with_subprotocol("chat.v1")
    assert introduced(test)["subprotocol"] == "chat.v1"
    assert "subprotocol chat.v1" in str(test.transcript)


def test_options_reach_the_library(serve: Serve) -> None:
    test = WSTest(serve(introduces)).with_option("user_agent_header", "tester/1")
    assert introduced(test)["headers"]["user-agent"] == "tester/1"
