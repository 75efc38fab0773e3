"""Answers: what the model says, and how it reaches the client."""

from conformance.core.quoting import excerpt
from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, gate, repeat
from conformance.profiles.rpc_chat.client import RpcBench, RpcChat, deltas, messages

DOCUMENT = 'flower-engine testing, "Message Flow"'
IDLE = 'Menci/Floway#57 "idle disconnect"'
OVERTAKEN = 'Eynzof/Hermes-CN-Core#100 "complete overtakes deltas"'

BURST = finished(repeat(500, delta("word ")))


@scenario(clause=("RC18", "RC20", "RC24"), needs=("mock",), everywhere=True, evidence=DOCUMENT)
async def answer_whole(chat: RpcChat) -> None:
    """An answer is the model's text, then one chat_end, and then nothing."""
    await chat.staged()
    token = chat.prompt()
    answer = await chat.answer()
    await chat.answered(token, answer)
    _ended(chat, answer.total)
    chat.replied(await chat.fence(), clause="RC20")


@scenario(clause=("RC20", "RC21", "RC22"))
async def answer_counted(chat: RpcChat) -> None:
    """Each chunk says its model, world and rate, and chat_end how many there were."""
    await chat.staged()
    world = chat.state.get("world_id")
    chat.prompt("Count to five.")
    answer = await chat.answer()
    _ended(chat, answer.total)
    chat.expect(
        answer.total == len(answer.chunks),
        check="total",
        clause="RC21",
        expected=str(len(answer.chunks)),
        actual=str(answer.total),
    )
    for chunk in answer.chunks:
        rate = chunk.metadata.get("tokens_per_second")
        chat.expect(
            isinstance(chunk.metadata.get("model"), str)
            and chunk.metadata.get("world_id") == world
            and isinstance(rate, int | float)
            and not isinstance(rate, bool)
            and rate >= 0,
            check="metadata",
            clause="RC22",
            expected=f"model (text), world_id {world!r}, tokens_per_second (0 or more)",
            actual=str(chunk.metadata),
        )


def _ended(chat: RpcChat, total: object) -> None:
    chat.expect(
        isinstance(total, int) and not isinstance(total, bool),
        check="total_tokens",
        clause="RC20",
        expected="an integer",
        actual=repr(total),
    )


@scenario(clause="RC19", pattern="gated:4", needs=("mock",))
async def answer_live(chat: RpcChat) -> None:
    """Each piece of text arrives before the model has said the next."""
    await chat.staged()
    token = chat.prompt(pattern="gated:4")
    for number in range(1, 5):
        await chat.chunks(1)
        await chat.bench.upstream.open_gate(token, number)
    await chat.answer()


@scenario(clause="RC18", needs=("mock",))
async def answer_unicode(chat: RpcChat) -> None:
    """Emoji, CJK and combining marks arrive as they left."""
    await _relayed(chat, "unicode")


@scenario(clause="RC18", needs=("mock",))
async def answer_large_delta(chat: RpcChat) -> None:
    """A delta of 256 KiB arrives whole."""
    await _relayed(chat, "huge:256")


@scenario(clause="RC18", needs=("mock",))
async def answer_odd_chunks(chat: RpcChat) -> None:
    """Chunks of the model's that say nothing are nothing to the client."""
    await _relayed(chat, "odd")


@scenario(clause="RC18", needs=("mock",))
async def answer_marker_in_text(chat: RpcChat) -> None:
    """Text that looks like the API's end is text."""
    await _relayed(chat, "marker")


async def _relayed(chat: RpcChat, pattern: str) -> None:
    await chat.staged()
    token = chat.prompt(pattern=pattern)
    await chat.answered(token, await chat.answer())


@scenario(clause=("RC18", "RC20"), needs=("mock",), evidence=OVERTAKEN)
async def answer_burst(chat: RpcChat) -> None:
    """After five hundred deltas at once, the end comes last, and once."""
    await chat.staged()
    token = chat.prompt(pattern=await chat.bench.script(BURST))
    answer = await chat.answer()
    late = [each for each in await chat.fence("RC20") if each.event in ("chat_chunk", "chat_end")]
    chat.expect(
        not late,
        check="last",
        clause="RC20",
        expected="neither chunk nor end after chat_end",
        actual=f"{len(late)} after {len(answer.chunks)}",
    )
    if not late:
        await chat.answered(token, answer)


@scenario(clause=("RC45", "RC46"), needs=("mock",), evidence=IDLE)
async def answer_outlasts_silence(bench: RpcBench) -> None:
    """A model that is silent for long, and then goes on, is waited for (`--silence`: how long)."""
    silence = bench.environment.silence
    bench.deadline += silence
    async with bench.connect() as chat:
        await chat.staged()
        thinks = finished(delta("Hm. "), gate(1), delta("Yes."))
        token = chat.prompt(pattern=await bench.script(thinks))
        await chat.chunks(1)
        await chat.outlasts(silence, held="RC45", pinged="RC46")
        await bench.upstream.open_gate(token, 1)
        answer = await chat.answer(clause="RC45")
        chat.expect(
            answer.text == "Yes.",
            check="goes_on",
            clause="RC45",
            expected="Yes.",
            actual="; ".join(map(str, answer.messages)),
        )


@scenario(clause=("RC20", "RC21"), needs=("mock",))
async def answer_empty(chat: RpcChat) -> None:
    """A model that says nothing makes a chat_end that counts none."""
    await chat.staged()
    token = chat.prompt(pattern=await chat.bench.script(finished()))
    answer = await chat.answer()
    await chat.answered(token, answer)
    chat.expect(
        answer.total == 0, check="total", clause="RC21", expected="0", actual=str(answer.total)
    )


@scenario(clause="RC23", needs=("mock",), everywhere=True)
async def answer_announced_once(chat: RpcChat) -> None:
    """A thinking message comes at most once, bare, and before the first chunk."""
    await chat.staged()
    chat.prompt()
    answer = await chat.answer()
    updates = [n for n, each in enumerate(answer.messages) if each.event == "system_update"]
    wanted = [0] if chat.bench.declares("thinking") else []
    chat.expect(
        updates in (wanted, [0])
        and all(
            (answer.messages[n].content, answer.messages[n].metadata) == ("...", {})
            for n in updates
        ),
        check="thinking",
        clause="RC23",
        expected="system_update '...' {}, "
        + ("first" if wanted else "first or not at all")
        + ", and no other",
        actual="; ".join(str(answer.messages[n]) for n in updates) or "none",
    )


@scenario(clause="RC24", needs=("mock",))
async def prompt_unaltered(chat: RpcChat) -> None:
    """The model is given the prompt to the last white space, also one of 40 kB."""
    await chat.staged()
    for text in ("  two  spaces,\ttabs\r\nand lines \n ", "déjà vu 👩‍💻 日本語", "x" * 40_000):
        token = chat.prompt(text)
        await chat.answer()
        entry = await chat.bench.asked_once(token)
        sent = f"{text} [[test:;t={token}]]"
        last = messages(entry)[-1:]
        chat.expect(
            last == [{"role": "user", "content": sent}],
            check="prompt",
            clause="RC24",
            expected=f"last message of the user's: {excerpt(sent)}",
            actual=excerpt(str(last)),
        )


@scenario(clause="RC25", needs=("mock",))
async def prompt_in_context(chat: RpcChat) -> None:
    """With the second prompt, the model is told the first one and what it answered."""
    await chat.staged()
    first = chat.prompt("My name is Ash.")
    answer = await chat.answer()
    second = chat.prompt("What is my name?")
    await chat.answer()
    told = messages(await chat.bench.asked_once(second))[-3:-1]
    wanted = [
        {"role": "user", "content": f"My name is Ash. [[test:;t={first}]]"},
        {"role": "assistant", "content": answer.text},
    ]
    chat.expect(told == wanted, check="context", clause="RC25", expected=str(wanted), actual=told)


@scenario(clause="RC27", needs=("mock",), evidence="10 of 20 prompts lost by the original")
async def prompt_right_after_end(chat: RpcChat) -> None:
    """A prompt that is sent as soon as chat_end has come is answered, ten times in a row."""
    await chat.staged()
    for _ in range(10):
        chat.prompt(pattern="finish:stop")
        await chat.answer(clause="RC27")


@scenario(clause="RC15", needs=("mock",))
async def prompt_raw_text(chat: RpcChat) -> None:
    """A prompt that is plain text, no JSON, is answered."""
    await chat.staged()
    token = "raw" + chat.session
    sent = f"Who are you? {chat.bench.directive(token=token)}"
    chat.text(sent)
    answer = await chat.answer(clause="RC15")
    entry = await chat.answered(token, answer)
    chat.expect(
        messages(entry)[-1].get("content") == sent and bool(deltas(entry)),
        check="prompt",
        clause="RC15",
        expected=sent,
        actual=str(messages(entry)[-1]),
    )
