"""The exceptions of REST requests, which the exceptions of `requests` also catch.

Code that was written for `requests` catches, for example, `requests.ConnectionError`. Where
`requests` is installed, each exception below is therefore also an instance of its counterpart
there. `requests` is imported only when an exception occurs.
"""

from __future__ import annotations

import importlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from conformance.ws.tls import ADVICE


class RestError(OSError):
    """A REST request failed: `requests.RequestException`."""

    def __init__(self, text: str, *, request: Any = None, response: Any = None) -> None:
        super().__init__(text)
        self.request = request
        self.response = response
        """The RestAnswer, if one arrived."""


class RestConnectionError(RestError):
    """The API did not answer: `requests.ConnectionError`."""


class RestTLSError(RestConnectionError):
    """The certificate or the TLS handshake failed: `requests.exceptions.SSLError`."""


class RestTimeout(RestError, TimeoutError):  # noqa: N818 - the name follows requests.Timeout
    """The API did not answer in time: `requests.ConnectTimeout` or `requests.ReadTimeout`."""


class RestURLError(RestError, ValueError):
    """The URL of a request is not valid: `requests.exceptions.InvalidURL` and others."""


class RestStatusError(RestError):
    """The status is 400 or above: `requests.HTTPError`."""


_ADVICE = "an answer", "check that the API runs at this address"

E = TypeVar("E", bound=RestError)


def counterpart(name: str) -> tuple[type, ...]:
    """Return the exception class of `requests` with this name, if `requests` is installed."""
    try:
        return (getattr(importlib.import_module("requests.exceptions"), name),)
    except ImportError:
        return ()


def rest_error(kind: type[E], name: str, text: str, **details: Any) -> E:
    """Make an exception that is also an instance of the exception `name` of `requests`."""
    bases = (kind, *counterpart(name))
    joint = type(kind.__name__, bases, {"__module__": kind.__module__, "__doc__": kind.__doc__})
    error: E = joint(text, **details)
    return error


@contextmanager
def translated(place: str, uri: str) -> Iterator[None]:
    """Raise the exceptions of httpx as those of this module."""
    import httpx  # noqa: PLC0415 - a test without requests does not load it

    schema = "InvalidSchema" if "://" in uri else "MissingSchema"
    url = "a valid http:// or https:// URL", "correct the uri of the RestRequest"
    late = "an answer in time", "check the API, or raise the request timeout"
    causes: tuple[tuple[type[Exception], type[RestError], str, str, str], ...] = (
        (httpx.InvalidURL, RestURLError, "InvalidURL", *url),
        (httpx.UnsupportedProtocol, RestURLError, schema, *url),
        (httpx.ConnectTimeout, RestTimeout, "ConnectTimeout", *late),
        (httpx.TimeoutException, RestTimeout, "ReadTimeout", *late),
        (httpx.ProxyError, RestConnectionError, "ProxyError", "an answer", "check the proxy"),
        (httpx.TransportError, RestConnectionError, "ConnectionError", *_ADVICE),
        (httpx.TooManyRedirects, RestError, "TooManyRedirects", *_ADVICE),
        (httpx.HTTPError, RestError, "RequestException", *_ADVICE),
    )
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        kind, name, expected, advice = next(row[1:] for row in causes if isinstance(error, row[0]))
        if _is_tls(error):
            kind, name, expected, advice = RestTLSError, "SSLError", "a TLS handshake", ADVICE
        text = f"expected {expected}, found {type(error).__name__}: {error} ({place}); {advice}"
        raise rest_error(kind, name, text) from error


def _is_tls(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None
