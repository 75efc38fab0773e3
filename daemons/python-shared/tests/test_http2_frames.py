"""Frames, wherever the reads are cut."""

from __future__ import annotations

from llm_api.http2_frames import Frame, FrameCutter

PING = b"\0\0\x08\x06\0\0\0\0\0" + b"12345678"
GOAWAY = b"\0\0\x08\x07\0\0\0\0\0" + b"\x80\0\0\x05" + bytes(4)


def test_frames_come_out_whole() -> None:
    stream = PING + GOAWAY + PING
    expected = [Frame(PING, None), Frame(GOAWAY, 5), Frame(PING, None)]
    for size in (1, 2, 9, 17, 20, len(stream)):
        cutter = FrameCutter(16384)
        frames = [
            frame
            for start in range(0, len(stream), size)
            for frame in cutter.feed(stream[start : start + size])
        ]
        assert frames == expected


def test_a_frame_above_the_limit_comes_out_at_once() -> None:
    head = b"\x01\0\0\0\0\0\0\0\x01"
    assert list(FrameCutter(16384).feed(PING + head + b"x")) == [
        Frame(PING, None),
        Frame(head + b"x", None),
    ]


def test_a_reader_may_stop_between_frames() -> None:
    cutter = FrameCutter(16384)
    for frame in cutter.feed(PING + GOAWAY):
        assert frame.raw == PING
        break
    assert list(cutter.feed(b"")) == [Frame(GOAWAY, 5)]
