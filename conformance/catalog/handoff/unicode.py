"""Text from beyond ASCII, which must come out byte for byte."""

from conformance.checks import Checks
from conformance.scenario import scenario


@scenario(pattern="unicode", clause=("R3", "R2"), everywhere=True)
def unicode_content(response: Checks) -> None:
    """A mixture of scripts and symbols arrives unchanged, one event for each delta."""
    (
        response.no_error()
        .http_status(200)
        .utf8_valid()
        .chunk_count(35)
        .events_in_order()
        .content_as_sent()
        .done_marker()
    )


@scenario(pattern="unicode", clause="R3", everywhere=True)
def unicode_emoji(response: Checks) -> None:
    """Emoji arrive unchanged."""
    response.no_error().utf8_valid().content_contains("😀", "🚀").content_as_sent()


@scenario(pattern="unicode", clause="R3", everywhere=True)
def unicode_cjk(response: Checks) -> None:
    """Chinese, Japanese and Korean characters arrive unchanged."""
    response.no_error().utf8_valid().content_contains("中", "文").content_as_sent()


@scenario(pattern="unicode", clause="R3", everywhere=True)
def unicode_4byte(response: Checks) -> None:
    """Characters of four bytes in UTF-8 (two units in UTF-16) arrive unchanged."""
    response.no_error().utf8_valid().content_contains("𝐀").content_as_sent()
