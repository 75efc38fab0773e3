"""Latencies: of chosen times, and of a real run."""

from __future__ import annotations

import pytest

from conformance.ws import WSMessage, WSResponse, WSTest
from conformance.ws.frame import Frame
from conformance.ws.latency import Gaps, Match, measure, percentile
from conformance.ws.transcript import Direction, Transcript, What
from tests.conformance.ws.servers import Serve, echoes, play


def frames(*times: float) -> tuple[Frame, ...]:
    return tuple(Frame(number, at, "{}", {}) for number, at in enumerate(times, 1))


def transcript(*entries: tuple[float, Direction], opened: float | None = 10.0) -> Transcript:
    transcript = Transcript()
    transcript.began, transcript.opened = 9.5, opened
    for at, direction in entries:
        transcript.add(direction, What.MESSAGE, "{}", at=at)
    return transcript


def test_percentiles_are_nearest_ranks() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, percent) for percent in (1, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert percentile([7.0], 50) == 7
    assert percentile([3.0, 1.0, 2.0], 50) == 2
    with pytest.raises(ValueError, match="found none"):
        percentile([], 50)


def test_the_times_of_one_expectation() -> None:
    entries = transcript(
        (10.5, Direction.SENT), (11.0, Direction.SENT), (11.25, Direction.RECEIVED)
    )
    latency = measure(entries, [Match("a", frames(11.25), 11.25)])
    assert (latency.connect, latency.first_frame) == (0.5, 1.25)
    (waited,) = latency.expectations
    assert (waited.first, waited.last, waited.round_trip) == (1.25, 1.25, 0.25)
    assert (waited.frames, waited.rate, waited.gaps) == (1, None, None)


def test_a_round_trip_starts_with_the_last_sending_before_it() -> None:
    entries = transcript((11.0, Direction.RECEIVED), (12.0, Direction.SENT))
    (waited,) = measure(entries, [Match("a", frames(11.0), 11.0)]).expectations
    assert waited.round_trip is None


def test_the_times_of_a_stream() -> None:
    match = Match("stream", frames(11.0, 11.25, 11.5, 13.0), 14.0)
    (waited,) = measure(transcript(), [match]).expectations
    assert (waited.first, waited.last, waited.rate) == (1.0, 4.0, 1.5)
    assert waited.gaps == Gaps(median=0.25, p95=1.5, p99=1.5, longest=1.5)


def test_a_stream_without_frames() -> None:
    (waited,) = measure(transcript(), [Match("stream", (), 12.0)]).expectations
    assert (waited.frames, waited.first, waited.last, waited.gaps) == (0, None, 2.0, None)


def test_a_run_without_a_connection() -> None:
    latency = measure(transcript(opened=None), [])
    assert (latency.connect, latency.first_frame, latency.expectations) == (None, None, ())


def test_a_run_is_measured(serve: Serve) -> None:
    test = WSTest(serve(echoes)).with_message(WSMessage().with_attribute("a", 1))
    play(test.with_response(WSResponse().with_attribute("a")))
    assert test.outcome is not None
    latency = test.outcome.latency
    (waited,) = latency.expectations
    assert latency.connect is not None
    assert latency.first_frame == waited.first == waited.last
    assert waited.round_trip is not None
    assert 0 < waited.round_trip <= waited.last
    assert latency.connect + waited.last <= test.outcome.duration
