"""The client of a roleplay engine: it sends prompts, and reads answers."""

from __future__ import annotations

from conformance.core.evidence import JournalEntry
from conformance.core.quoting import excerpt, plural
from conformance.profiles.rpc_chat.commands import Commands
from conformance.profiles.rpc_chat.messages import THINKING, Answer, EngineMessage, listed
from conformance.profiles.websocket.model import deltas, new_token


class RpcChat(Commands):
    """A conversation with the engine."""

    async def prompt(self, text: str = "Who are you?", pattern: str = "") -> str:
        """Send a prompt that the mock API answers with this pattern; its token there."""
        await self._settle()
        return self.prompt_at_once(text, pattern)

    def prompt_at_once(self, text: str, pattern: str) -> str:
        """As prompt(), also right after the end of an answer."""
        token = new_token()
        self.ask(f"{text} {self.model.directive(pattern, token=token)}")
        return token

    async def chunks(self, count: int) -> list[EngineMessage]:
        """The next chunks; an announcement may precede them."""
        chunks: list[EngineMessage] = []
        expected = f"{plural(count, 'chunk')} of the answer"
        while len(chunks) < count:
            message = await self.message(clause="RC19", expected=expected)
            if message.event == "chat_chunk":
                chunks.append(message)
            else:
                announces = message.is_update() and message.content == THINKING
                self.check(
                    announces and not chunks,
                    "chunks",
                    expected="a chat_chunk",
                    actual=str(message),
                    clause="RC23" if announces else "RC18",
                )
        return chunks

    async def pieces(self, count: int) -> list[str]:
        """The next chunks' texts."""
        return [chunk.content for chunk in await self.chunks(count)]

    async def answer(self, *, clause: str | None = None) -> Answer:
        """All messages up to the answer's end. clause: broken if it does not end (RC20)."""
        clause = "RC20" if clause is None else clause
        messages = [await self.message(clause=clause, expected="an answer, ended by chat_end")]
        while messages[-1].event != "chat_end":
            messages.append(await self.message(clause=clause, expected="a chat_end"))
        return Answer(tuple(messages))

    async def alone(self, pattern: str, *, clause: str | None = None) -> Answer:
        """The answer to a prompt in a session of its own."""
        await self.command("/session new")
        await self.prompt(pattern=pattern)
        answer = await self.answer(clause=clause)
        await self.command(f"/session delete {self.session}")
        return answer

    async def complete(self, token: str, answer: Answer, *, clause: str = "RC18") -> JournalEntry:
        """Check that an answer is exactly the model's text; return the request's journal entry."""
        entry = await self.model.asked_once(token)
        text = "".join(deltas(entry))
        self.check(
            answer.text == text,
            "text",
            expected=f"the model's text: {excerpt(text)}",
            actual=excerpt(answer.text),
            clause=clause,
        )
        self.check(
            not answer.others,
            "answer",
            expected="chat_chunks and a chat_end, nothing else",
            actual=listed(answer.others),
            clause=clause,
        )
        return entry

    async def works(self, clause: str) -> None:
        """Check that the next prompt gets a whole answer, and nothing else."""
        token = await self.prompt()
        await self.complete(token, await self.answer(clause=clause), clause=clause)

    async def fails(self, pattern: str, *, after: int) -> None:
        """Check for an error after this many chunks, then a chat_end, then a working prompt."""
        await self.prepare()
        await self.prompt(pattern=pattern)
        messages = await self.failure()
        chunks = sum(message.event == "chat_chunk" for message in messages)
        self.check(
            chunks == after,
            "chunks",
            expected=f"{after} chunks before the error",
            actual=f"{chunks}",
            clause="RC18",
        )
        rest = await self.answer(clause="RC37")
        self.check(
            len(rest.messages) == 1 and rest.total == after,
            "end",
            expected=f"then one chat_end that counts {after}",
            actual=listed(rest.messages),
            clause="RC37",
        )
        await self.works("RC31")

    async def failure(self) -> list[EngineMessage]:
        """All messages up to the error (RC36). Raises ScenarioStopped."""
        messages = [await self.message(clause="RC36", expected="an error")]
        while messages[-1].event not in ("error", "chat_end"):
            messages.append(await self.message(clause="RC36", expected="an error"))
        self.require(
            messages[-1].event == "error",
            "error",
            expected="an error message",
            actual=listed(messages[-3:]),
            clause="RC36",
        )
        return messages
