"""Packets of Engine.IO 4 and Socket.IO 5, as text and back."""

from __future__ import annotations

import pytest

from conformance.profiles.spaces.socketio import ACK, EVENT, PING, Packet, address, decode, encode


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        ('0{"sid":"a"}', Packet("0", data={"sid": "a"})),
        ('40{"sid":"b"}', Packet("40", data={"sid": "b"})),
        ("41", Packet("41")),
        ("2", Packet(PING, data="")),
        ("3probe", Packet("3", data="probe")),
        ('42["register",{}]', Packet(EVENT, data=["register", {}])),
        ('4217["register"]', Packet(EVENT, 17, ["register"])),
        ("4317[]", Packet(ACK, 17, [])),
        ("6", Packet("6")),
    ],
)
def test_text_is_a_packet(text: str, packet: Packet) -> None:
    assert decode(text) == packet


@pytest.mark.parametrize("text", ["", "9", "x", "42[", '40{"sid"', "42[1]]"])
def test_other_text_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text)


@pytest.mark.parametrize("number", [None, 0, 12])
def test_a_packet_survives_encoding(number: int | None) -> None:
    data = ["inference_result", {"text": "诗\u2028\"'\x1e\n"}]
    text = encode(EVENT, data, number=number)
    assert decode(text) == Packet(EVENT, number, data)
    assert "\x1e" not in text, "it separates packets in polling"


def test_a_website_takes_websockets_at_its_socketio_path() -> None:
    place = "127.0.0.1:5001/socket.io/?EIO=4&transport=websocket"
    assert address("http://127.0.0.1:5001") == f"ws://{place}"
    assert address("https://127.0.0.1:5001/") == f"wss://{place}"
