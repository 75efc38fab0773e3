"""The machine's pace, measured."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from conformance.timing.calibration import (
    CALM,
    CALM_CONTENTION,
    CALM_LATENESS,
    CALM_ROUND_TRIP,
    LARGEST,
    Calibration,
    calibrate,
)


@pytest.mark.parametrize(
    ("lateness", "round_trip", "contention", "scale"),
    [
        (0.0, 0.0, 1.0, 1.0),
        (1.0, 1.0, 1.0, 1.0),
        (2.0, 1.0, 1.0, 2.0),
        (0.5, 3.0, 1.0, 3.0),
        (0.5, 0.5, 4.0, 4.0),
        (1000.0, 1.0, 1.0, LARGEST),
    ],
)
def test_the_worst_stretches_time(
    lateness: float, round_trip: float, contention: float, scale: float
) -> None:
    """Each given as a multiple of what a calm machine shows."""
    measured = Calibration(
        lateness * CALM_LATENESS, round_trip * CALM_ROUND_TRIP, contention * CALM_CONTENTION
    )
    assert measured.scale == pytest.approx(scale)


def test_a_measurement_has_its_scale_in_json() -> None:
    measured = Calibration(lateness=0.004, round_trip=0.0002, contention=1.2)
    value = json.loads(json.dumps(measured.to_json()))
    assert value["scale"] == measured.scale
    assert value["lateness"] == 0.004
    assert CALM.scale == 1.0


def test_it_measures_this_machine() -> None:
    measured = asyncio.run(calibrate())
    assert 0 < measured.lateness < 1
    assert 0 < measured.round_trip < 1
    assert 0.9 < measured.contention < 1000


def test_a_busy_loop_is_seen() -> None:
    """Something that holds the loop for 20 ms at a time makes every sleeper late."""

    async def beside_a_hog() -> Calibration:
        loop = asyncio.get_running_loop()

        def hog() -> None:
            time.sleep(0.02)
            nonlocal handle
            handle = loop.call_soon(hog)

        handle = loop.call_soon(hog)
        try:
            return await calibrate()
        finally:
            handle.cancel()

    measured = asyncio.run(beside_a_hog())
    assert measured.lateness > 0.015
    assert measured.scale > 4
