"""One scenario's hold on a roleplay engine."""

from __future__ import annotations

from conformance.core.finding import Finding, FindingKind
from conformance.profiles.rpc_chat.chat import RpcChat
from conformance.profiles.websocket.bench import ChatBench


class RpcBench(ChatBench):
    """Opens conversations with the engine."""

    def connect(self, url: str = "") -> RpcChat:
        """A conversation that is not open yet. url: of another instance."""
        chat = RpcChat(url or self.environment.instance.url, bench=self, model=self.model)
        self._chats.append(chat)
        return chat

    async def aclose(self) -> None:
        """Close every connection, and note each one on which the engine broke RFC 6455."""
        await super().aclose()
        for chat in self._chats:
            if chat.violation:
                expected, kind = "frames as RFC 6455 defines them", FindingKind.UNREADABLE
                self.note(Finding("rfc6455", expected, chat.violation, chat.url, kind=kind))
