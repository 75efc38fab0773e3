"""One scenario's hold on a support chat."""

from __future__ import annotations

from urllib.parse import urlencode

from conformance.core.scenario import Scenario
from conformance.profiles.agent_chat.chat import AgentChat
from conformance.profiles.agent_chat.orders import Rest
from conformance.profiles.environment import Environment
from conformance.profiles.websocket.bench import ChatBench


class AgentBench(ChatBench):
    """Opens conversations with the backend."""

    def __init__(self, scenario: Scenario, environment: Environment) -> None:
        super().__init__(scenario, environment)
        self.rest = Rest(self)

    def connect(self, url: str = "", **query: str) -> AgentChat:
        """A conversation that is not open yet. url: of another instance."""
        url = url or self.environment.instance.url
        if query:
            url += ("&" if "?" in url else "?") + urlencode(query)
        chat = AgentChat(url, bench=self, model=self.model)
        self._chats.append(chat)
        return chat
