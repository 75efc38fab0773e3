"""The HTML page in headless Chromium: open, filter, drill down, copy the command."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.core.result import Run, Verdict
from tests.conformance.report.samples import mixture, recorded, rendered, result

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install '.[browser]'")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is missing; install it (Debian: chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: sync_api.Browser) -> Iterator[sync_api.Page]:
    """A page that may load nothing from a network, and may not run into an error."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    context.route("http*://**", lambda route: problems.append(route.request.url))
    yield page
    context.close()
    assert problems == []


def written(run: Run, folder: Path) -> str:
    file = folder / "run.html"
    file.write_text(rendered("html", run), encoding="utf-8")
    return file.as_uri()


def names(page: sync_api.Page) -> list[str]:
    return page.locator("#list .name").all_text_contents()


def test_the_first_screen_says_what_is_red(page: sync_api.Page, tmp_path: Path) -> None:
    run = mixture()
    page.goto(written(run, tmp_path))
    assert page.locator("header .state").inner_text() == "red"
    assert "14 fail" in page.locator("header .numbers").inner_text()
    cause = page.locator("#causes .cause").first
    assert cause.locator("a").inner_text() == "dead/default/basic_response"
    cause.locator("button").click()
    assert page.locator("#count").inner_text() == f"12 cases of one cause of {len(run.results)}"
    rows = page.locator(".matrix tbody th").all_text_contents()
    assert rows == [
        "godefault",
        "h1",
        "deaddefault",
        "python-http2default",
        "rustdefault",
        "phpdefault",
    ]


def test_filters_narrow_the_list(page: sync_api.Page, tmp_path: Path) -> None:
    run = mixture()
    page.goto(written(run, tmp_path))
    assert len(names(page)) == len(run.results)
    page.click("#verdicts [data-verdict=fail]")
    assert len(names(page)) == 14
    page.select_option("#category", "abort")
    assert names(page) == [
        "go/default/abort_stream",
        "dead/default/abort_stream",
        "dead/default/abort_early",
    ]
    page.fill("#text", "abort go r2")
    assert names(page) == ["go/default/abort_stream"]
    page.click("#reset")
    page.locator("#list li").nth(20).wait_for(state="attached")
    page.select_option("#clause", "R2")
    assert len(names(page)) == len(run.results)
    page.click("[aria-label='go h1 abort: 1/2']")
    assert names(page) == ["go/h1/abort_stream", "go/h1/abort_early"]


def test_a_case_shows_both_sides_and_its_command(page: sync_api.Page, tmp_path: Path) -> None:
    page.goto(written(mixture(), tmp_path))
    page.click("#list a:has-text('go/default/abort_stream')")
    page.wait_for_selector("#case h1")
    shown = page.locator("#case").text_content()
    for text in (
        "An answer cut off after five deltas is reported as failed.",
        "6 events, none of them an error",
        "event 6 at byte 512, +0.009 s",
        "the daemon reset the connection",
        "gate 1 opened",
        "byte 140: an event ends with a blank line; found </script>",
        "0.99 s of silence",
    ):
        assert text in shown, text
    assert "sk-secret" not in page.content()
    page.hover(".picture .hit >> nth=4")
    assert "f0 9f" in page.locator(".octets").inner_text()
    page.click("#copy")
    page.wait_for_selector("#copy:has-text('Copied')")
    command = "conformance run daemons/go --variant default --scenario abort_stream"
    assert page.evaluate("navigator.clipboard.readText()") == command


def test_the_keyboard_is_enough(page: sync_api.Page, tmp_path: Path) -> None:
    page.goto(written(mixture(), tmp_path))
    page.keyboard.press("/")
    page.locator("#text:focus").wait_for()
    page.keyboard.type("finish_stop go/")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("#case h1:has-text('finish_stop')")
    assert "surprise" in page.title()
    page.keyboard.press("k")
    page.wait_for_url("**/default/finish_stop")
    page.keyboard.press("Escape")
    page.wait_for_selector("#overview:not([hidden])")
    assert len(names(page)) == 2


def test_a_phone_shows_it_without_scrolling_sideways(page: sync_api.Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.goto(written(mixture(), tmp_path))
    for place in ("", "#/go/default/abort_stream", "#/php/default/unicode_hostile"):
        page.evaluate("place => { location.hash = place; }", place)
        if place:
            page.wait_for_selector(f"#case h1:has-text('{place.rpartition('/')[2]}')")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 17, 22)"


def test_thousands_of_cases_open_at_once(page: sync_api.Page, tmp_path: Path) -> None:
    packed = recorded()
    results = tuple(
        result(f"d{number % 20}/v{number % 7}/chunks_{number}", Verdict.PASS, record=packed)
        for number in range(5000)
    )
    address = written(replace(mixture(), results=results, planned=5000), tmp_path)
    assert (tmp_path / "run.html").stat().st_size < 15_000_000
    start = time.monotonic()
    page.goto(address)
    page.wait_for_selector("#list a")
    assert time.monotonic() - start < 5, "a machine with idle processors takes less than a second"
    assert page.locator("#count").inner_text() == "5,000 cases"
    assert len(names(page)) < 1000
    page.fill("#text", "chunks_4999")
    page.click("#list a")
    page.wait_for_selector(".picture .hit")
