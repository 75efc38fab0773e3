"""The news of a run: from the process that judges to the one that reports, at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from conformance.core.news import News
from conformance.core.result import Verdict
from conformance.running.news_file import LONGEST, Following, NewsFile
from tests.conformance.report.samples import failed, result


def test_news_arrive_while_the_file_grows(tmp_path: Path) -> None:
    seen: list[News] = []
    arrived = threading.Event()

    def tell(news: Sequence[News]) -> None:
        seen.extend(news)
        if len(seen) == 3:
            arrived.set()

    path = tmp_path / "news"
    with Following(path, tell):
        NewsFile(path).began("go/h1/a")
        other = NewsFile(path)  # another process
        other.ended(result("go/h1/b", Verdict.PASS))
        wrong = failed("done_marker", "R4", actual="é" * 2 * LONGEST)
        other.ended(result("go/h1/c", Verdict.FAIL, failures=(wrong,)))
        assert arrived.wait(30)
    began, passed, red = seen
    assert (began.case, began.verdict) == ("go/h1/a", None)
    assert (passed.case, passed.verdict) == ("go/h1/b", Verdict.PASS)
    assert (red.cause, red.seen) == ("done_marker (R4)", "é" * LONGEST)
    assert began.at <= passed.at <= red.at


def test_a_run_goes_on_where_no_news_can_be_written() -> None:
    NewsFile(None).began("go/h1/a")
    NewsFile(Path("/dev/full")).began("go/h1/a")
    NewsFile(Path("/no/such/folder/news")).ended(result("go/h1/a", Verdict.PASS))
