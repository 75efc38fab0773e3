"""The three tests of the chat server with pytest: `pytest -p conformance.ws.pytest_plugin`."""

import os

from conformance.ws import WSBarrier, WSMessage, WSResponse, WSTest
from conformance.ws.pytest_plugin import WS

URL = os.environ.get("CHAT_URL", "ws://localhost:8765")


def user(name: str) -> WSTest:
    return WSTest(URL).with_parameter("name", name).with_name(name)


def receives(text: str) -> WSResponse:
    return WSResponse().with_attribute("message", text)


def says(text: str) -> WSMessage:
    return WSMessage().with_attribute("message", text)


def test_a_user_who_connects_is_announced(ws: WS) -> None:
    ws.run(user("Rob").with_response(receives("Rob has connected")))


async def test_a_message_reaches_its_sender_too(ws: WS) -> None:
    await ws.run_async(
        user("Rob")
        .in_order()
        .with_response(receives("Rob has connected").with_trigger(says("Hello, world!")))
        .with_response(receives("Rob: Hello, world!"))
    )


def test_two_users_talk_and_one_sees_the_other_leave(ws: WS) -> None:
    first_is_in = WSBarrier(2, name="user_1 is in")
    ws.run(
        user("user_1")
        .in_order()
        .with_response(receives("user_1 has connected").with_barrier(first_is_in))
        .with_response(receives("user_2 has connected").with_trigger(says("Hello from user_1!")))
        .with_response(receives("user_2: Hello from user_2!")),
        user("user_2")
        .in_order()
        .with_barrier(first_is_in)
        .with_response(receives("user_2 has connected"))
        .with_response(
            receives("user_1: Hello from user_1!").with_trigger(says("Hello from user_2!"))
        )
        .with_response(receives("user_1 has disconnected")),
    )
