"""The pages in a real browser: log in, submit, follow the queue, connect and stop the app."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import processes
import pytest
from processes import Mock, add_space, running, submit
from world import ADMIN, PASSWORD, PATIENCE, App

CHROMIUM = Path("/usr/bin/chromium")
if not CHROMIUM.exists():
    pytest.skip(f"no {CHROMIUM}: apt-get install chromium", allow_module_level=True)
pytest.importorskip("playwright", reason="pip install 'stream-conformance[browser]'")

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NASTY = "<img src=x onerror=document.title=1><script>document.title=2</script>"
expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    with processes.mock_api() as opened:
        yield opened


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with running(processes.website(tmp_path, "--port", "0")) as website:
        yield processes.address(website)


@pytest.fixture
def admin(url: str) -> Iterator[httpx.Client]:
    with processes.admin(url) as client:
        yield client


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A page whose every error fails the test, and that loads nothing from elsewhere."""
    context = browser.new_context(base_url=url, locale="en-GB")
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith(url) else troubles.append(request.url),
    )
    yield page
    context.close()
    assert not troubles


def register(page: Page, name: str) -> None:
    """Register and log in with the forms."""
    page.goto("/")
    page.get_by_role("link", name="Register").click()
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Register").click()
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".who")).to_have_text(name)


def send(page: Page, prompt: str) -> None:
    """Fill in the form and submit it."""
    page.get_by_label("Prompt").fill(prompt)
    page.get_by_role("button", name="Send the request").click()


def test_from_logging_in_to_the_result(
    page: Page, url: str, admin: httpx.Client, mock: Mock
) -> None:
    space = add_space(admin, "Poet", ws_enable_file_upload="on")
    register(page, "ann")
    page.get_by_role("link", name="Poet").click()
    expect(page.locator("#status")).to_have_text("✗ Not connected")
    expect(page.get_by_label("Prompt")).to_be_disabled()

    with running(processes.app(url, mock.base, "Poet")) as app:
        app.until("Registration successful")
        expect(page.locator("#status")).to_have_text("✓ Connected")
        expect(page.get_by_label("Prompt")).to_be_enabled()
        expect(page.locator("#size")).to_have_text("0")

        held = submit(admin, space, "[[test:stall:1;t=ahead]]")
        mock.wait("ahead", events=1)
        page.get_by_label("Other file").set_input_files(
            {"name": "../a<b>.txt", "mimeType": "text/plain", "buffer": b"words"}
        )
        send(page, f"{NASTY} [[test:unicode]]")
        card = page.locator(".result").first
        expect(card.locator(".state")).to_have_text("Queued")
        expect(card.locator(".asked")).to_contain_text(NASTY)
        expect(card.locator(".place")).to_have_text("You are no. 2 in the queue")
        expect(page.locator("#size")).to_have_text("2")
        expect(page.locator("#queue li")).to_have_text(["No. 2: ann"])

        app.stop()
        expect(page.locator("#status")).to_have_text("✗ Not connected")
        expect(page.get_by_label("Prompt")).to_be_disabled()
        expect(card.locator(".state")).to_have_text("Queued")

    # The stalled request would stall again, so another app lets it fail.
    with running(processes.app(url, f"{mock.base}/nowhere", "Poet")) as declining:
        declining.until(f"Result sent: failed {held}")
        expect(card.locator(".state")).to_have_text("Failed")
        expect(card.locator(".answer")).to_have_text("The model answered with status 404")
        declining.stop()

    with running(processes.app(url, mock.base, "Poet")) as app:
        app.until("Registration successful")
        expect(page.locator("#status")).to_have_text("✓ Connected")
        send(page, "[[test:unicode]] and a file")
        first = page.locator(".result").first
        expect(first.locator(".state")).to_have_text("Completed")
        expect(first.locator(".text")).to_contain_text("😀")
        expect(page.locator("#size")).to_have_text("0")
        expect(page.locator(".result")).to_have_count(2)
        page.reload()
        expect(page.locator(".result .state")).to_have_text(["Completed", "Failed"])
    assert page.title() == "Poet · Spaces"


def test_a_script_in_foreign_content_is_text(page: Page, url: str, admin: httpx.Client) -> None:
    add_space(admin, NASTY, description=NASTY, cover=NASTY)
    register(page, "ann")
    expect(page.locator(".tile h2")).to_have_text(NASTY)
    page.locator(".tile").click()
    expect(page.locator("h1")).to_have_text(NASTY)
    assert page.title() == f"{NASTY} · Spaces"
    assert page.locator("script:not([src])").count() == 0


def test_results_are_shown_as_text_and_unsafe_links_are_not(
    page: Page, url: str, admin: httpx.Client
) -> None:
    space = add_space(admin, "Poet")
    register(page, "ann")

    async def answer(results: list[dict[str, str]]) -> None:
        app = App()
        await app.client.connect(url, transports=["websocket"])
        assert (await app.register({"space_name": "Poet"}))["success"]
        for result in results:
            request = await asyncio.to_thread(submit_as_ann, result["case"])
            await app.next("inference_request")
            await app.report(request, "completed", result)
        await app.leave()

    cookies = {"session": next(c["value"] for c in page.context.cookies())}

    def submit_as_ann(prompt: str) -> str:
        with httpx.Client(
            base_url=url, trust_env=False, cookies=cookies, timeout=PATIENCE
        ) as client:
            return submit(client, space, prompt)

    results = [
        {"case": "text", "text": NASTY},
        {"case": "json", "other": NASTY},
        {"case": "guide", "text_output": NASTY, "processing_time_seconds": "2.45"},
        {"case": "links", "image_url": "javascript:document.title=3", "audio": f"{url}/files/a"},
    ]
    # Playwright uses the event loop of this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, answer(results)).result()
    page.goto(f"/ai_project/{space}")
    cards = page.locator(".result")
    expect(cards.locator(".state")).to_have_text(["Completed"] * 4)
    expect(cards.nth(3).locator(".text")).to_have_text(NASTY)
    expect(cards.nth(2).locator("pre")).to_contain_text(NASTY.replace('"', "'"))
    expect(cards.nth(1).locator(".text")).to_have_text(NASTY)
    expect(cards.nth(0).locator("audio")).to_have_attribute("src", f"{url}/files/a")
    assert cards.locator("img").count() == 0
    assert page.title() == "Poet · Spaces"


WIDE = "x" * 64


def test_no_page_is_wider_than_a_phone(browser: Browser, url: str, admin: httpx.Client) -> None:
    form = {"ws_enable_audio": "on", "ws_enable_video": "on", "ws_enable_file_upload": "on"}
    space = add_space(admin, f"Space_{WIDE}_{WIDE}", description=WIDE * 3, **form)
    fields = {"username": WIDE, "password": PASSWORD}
    assert admin.post("/register", data=fields).status_code == 302
    public = ("/", "/login", "/register", "/nowhere", f"/ai_project/{space}", "/ai_project/none")
    private = ("/admin/", "/admin/space/add", f"/admin/space/edit/{space}")
    for locale in ("en-GB", "zh-CN"):
        for user, password, paths in (
            (None, "", public),
            (WIDE, PASSWORD, public),
            (ADMIN.name, ADMIN.password, public + private),
        ):
            context = browser.new_context(
                base_url=url, locale=locale, viewport={"width": 390, "height": 844}
            )
            page = context.new_page()
            if user:
                page.goto("/login")
                page.locator("[name=username]").fill(user)
                page.locator("[name=password]").fill(password)
                page.locator("main button").click()
                expect(page.locator(".who")).to_have_text(user)
            for path in paths:
                page.goto(path, wait_until="load")
                width = page.evaluate("document.documentElement.scrollWidth")
                assert width <= 390, (locale, user, path)
            context.close()


def test_an_unknown_address_has_a_page_with_a_way_back(page: Page, admin: httpx.Client) -> None:
    for path, message in (("/nowhere", "Page not found"), ("/ai_project/none", "Space not found")):
        reply = page.goto(path)
        assert reply is not None
        assert reply.status == 404
        expect(page.locator("h1")).to_have_text(message)
        page.get_by_role("link", name="Back to all spaces").click()
        expect(page.locator("h1")).to_have_text("All spaces")


def test_the_page_says_how_many_requests_are_left(browser: Browser, tmp_path: Path) -> None:
    options = ("--port", "0", "--quota-standard", "2")
    with running(processes.website(tmp_path, *options)) as website:
        url = processes.address(website)
        with processes.admin(url) as admin:
            space = add_space(admin, "Poet")
        with running(processes.app(url, url, "Poet")) as app:
            app.until("Registration successful")
            context = browser.new_context(base_url=url, locale="en-GB")
            page = context.new_page()
            register(page, "ann")
            page.goto(f"/ai_project/{space}")
            for left in (2, 1, 0):
                expect(page.locator("#left")).to_have_text(f"Requests left today: {left} of 2")
                send(page, "Hello")
            expect(page.locator("#problem")).to_contain_text("Usage limit reached")
            context.close()
