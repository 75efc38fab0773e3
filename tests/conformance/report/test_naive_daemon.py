"""A daemon as a beginner writes it: its author finds the worst faults on the first screen."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

NAIVE = "tests/conformance/report/naive/daemon.toml"

SCENARIOS = (
    *("basic_response", "basic_content", "basic_zero_values"),
    *("unicode_split_codepoint", "unicode_byte_drip", "long_chunks", "short_chunks"),
    *("abort_stream", "abort_early", "abort_fin_mid_event", "abort_rst_mid_stream"),
    *("uperr_4xx_json", "uperr_429", "uperr_4xx_key"),
    "client_released",
)


def test_the_first_screen_leads_to_the_three_worst_faults(
    conformance: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = conformance("run", NAIVE, *(f"--scenario={name}" for name in SCENARIOS))
    assert done.returncode == 1, done.stderr
    screen = done.stdout.splitlines()[-40:]
    shown = "\n".join(screen).partition("── fix these first ──")[2]
    assert shown, "it stands next to the prompt"
    causes = [line for line in shown.splitlines() if ": naive/default/" in line]
    # It says [DONE] after an answer that broke off, answers 200 before the API has answered,
    # and takes what a read brings for whole lines.
    assert {line.split("(")[1].split(")")[0] for line in causes} == {"R6", "R5", "R2"}, shown
    assert "The lowest category that is red is basic" in shown
    assert f"run {NAIVE} --variant default --category basic\n" in shown
    assert len(done.stdout.splitlines()) < 400
    assert "sk-conformance-" not in done.stdout, "its log has the key, a report has not"
