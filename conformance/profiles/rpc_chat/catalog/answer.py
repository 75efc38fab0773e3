"""Answers: the model's text, and how it reaches the client."""

from conformance.core.quoting import excerpt
from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, repeat
from conformance.profiles.rpc_chat.bench import RpcBench
from conformance.profiles.rpc_chat.chat import RpcChat
from conformance.profiles.rpc_chat.messages import THINKING, listed
from conformance.profiles.websocket import pressure
from conformance.profiles.websocket.model import deltas, messages

DOCUMENT = 'flower-engine testing, "Message Flow"'
OVERTAKEN = 'Eynzof/Hermes-CN-Core#100 "complete overtakes deltas"'

BURST = finished(repeat(500, delta("word ")))


@scenario(clause=("RC18", "RC20", "RC24"), needs=("mock",), everywhere=True, evidence=DOCUMENT)
async def answer_whole(chat: RpcChat) -> None:
    """The engine sends the model's text, then one chat_end, and then nothing."""
    await chat.prepare()
    token = await chat.prompt()
    answer = await chat.answer()
    await chat.complete(token, answer)
    _has_total(chat, answer.total)
    await chat.silent(clause="RC20")


@scenario(clause=("RC20", "RC21", "RC22"))
async def answer_counted(chat: RpcChat) -> None:
    """Each chunk has its model, world and rate, and chat_end counts the chunks."""
    await chat.prepare()
    world = chat.state.get("world_id")
    await chat.prompt("Count to five.")
    answer = await chat.answer()
    _has_total(chat, answer.total)
    chat.check(
        answer.total == len(answer.chunks),
        "total",
        expected=str(len(answer.chunks)),
        actual=str(answer.total),
        clause="RC21",
    )
    for chunk in answer.chunks:
        rate = chunk.metadata.get("tokens_per_second")
        chat.check(
            isinstance(chunk.metadata.get("model"), str)
            and chunk.metadata.get("world_id") == world
            and isinstance(rate, int | float)
            and not isinstance(rate, bool)
            and rate >= 0,
            "metadata",
            expected=f"model (text), world_id {world!r}, tokens_per_second (0 or more)",
            actual=chunk.metadata,
            clause="RC22",
        )


def _has_total(chat: RpcChat, total: object) -> None:
    holds = isinstance(total, int) and not isinstance(total, bool)
    chat.check(holds, "total_tokens", expected="an integer", actual=repr(total), clause="RC20")


@scenario(clause="RC19", pattern="gated:4", needs=("mock",))
async def answer_live(chat: RpcChat) -> None:
    """Each piece of text arrives before the model sends the next one."""
    await chat.prepare()
    token = await chat.prompt(pattern="gated:4")
    for number in range(1, 5):
        await chat.chunks(1)
        await chat.model.open_gate(token, number)
    await chat.answer()


@scenario(clause="RC18", needs=("mock",))
async def answer_unicode(chat: RpcChat) -> None:
    """The engine passes emoji, CJK and combining marks on unaltered."""
    await _is_relayed(chat, "unicode")


@scenario(clause="RC18", needs=("mock",))
async def answer_large_delta(chat: RpcChat) -> None:
    """The engine passes a delta of 256 KiB on whole."""
    await _is_relayed(chat, "huge:256")


@scenario(clause="RC18", needs=("mock",))
async def answer_odd_chunks(chat: RpcChat) -> None:
    """The engine sends nothing for the model's chunks without text."""
    await _is_relayed(chat, "odd")


@scenario(clause="RC18", needs=("mock",))
async def answer_marker_in_text(chat: RpcChat) -> None:
    """The engine passes text on that looks like the API's end marker."""
    await _is_relayed(chat, "marker")


async def _is_relayed(chat: RpcChat, pattern: str) -> None:
    await chat.prepare()
    token = await chat.prompt(pattern=pattern)
    await chat.complete(token, await chat.answer())


@scenario(clause=("RC18", "RC20"), needs=("mock",), evidence=OVERTAKEN)
async def answer_burst(chat: RpcChat) -> None:
    """The engine sends one chat_end, and last, after five hundred deltas at once."""
    await chat.prepare()
    token = await chat.prompt(pattern=await chat.model.playing(BURST))
    answer = await chat.answer()
    later = await chat.fence("RC20")
    late = [each for each in later if each.event in ("chat_chunk", "chat_end")]
    if chat.check(
        not late,
        "last",
        expected="neither chunk nor end after chat_end",
        actual=f"{len(late)} after {len(answer.chunks)}",
        clause="RC20",
    ):
        await chat.complete(token, answer)


pressure.outlasts_silence.declare(__name__, "answer_outlasts_silence", "RC45", "RC46")


@scenario(clause=("RC20", "RC21"), needs=("mock",))
async def answer_empty(chat: RpcChat) -> None:
    """The engine ends an answer without text with a chat_end that counts 0."""
    await chat.prepare()
    token = await chat.prompt(pattern=await chat.model.saying())
    answer = await chat.answer()
    await chat.complete(token, answer)
    total = answer.total
    chat.check(total == 0, "total", expected="0", actual=str(total), clause="RC21")


@scenario(clause="RC23", needs=("mock",), everywhere=True)
async def answer_announced_once(bench: RpcBench) -> None:
    """The engine sends at most one thinking message, bare, before the first chunk."""
    async with bench.connect() as chat:
        await chat.prepare()
        await chat.prompt()
        answer = await chat.answer()
    updates = [(n, each) for n, each in enumerate(answer.messages) if each.is_update()]
    places = [n for n, _ in updates]
    needed = bench.declares("thinking")
    chat.check(
        (places == [0] or (not places and not needed))
        and all((each.content, each.metadata) == (THINKING, {}) for _, each in updates),
        "thinking",
        expected=f"system_update '...' {{}}, {'first' if needed else 'first or not at all'}, "
        "and no other",
        actual=listed(each for _, each in updates),
    )


@scenario(clause="RC24", needs=("mock",))
async def prompt_unaltered(chat: RpcChat) -> None:
    """The model receives the prompt unaltered, with its white space, also one of 40 kB."""
    await chat.prepare()
    for text in ("  two  spaces,\ttabs\r\nand lines \n ", "déjà vu 👩‍💻 日本語", "x" * 40_000):
        token = await chat.prompt(text)
        await chat.answer()
        prompt = f"{text} [[test:;t={token}]]"
        last = messages(await chat.model.asked_once(token))[-1:]
        chat.check(
            last == [{"role": "user", "content": prompt}],
            "prompt",
            expected=f"the user's last message: {excerpt(prompt)}",
            actual=excerpt(str(last)),
        )


@scenario(clause="RC25", needs=("mock",))
async def prompt_in_context(chat: RpcChat) -> None:
    """The model receives the first prompt and its answer with the second prompt."""
    await chat.prepare()
    first = await chat.prompt("My name is Ash.")
    answer = await chat.answer()
    second = await chat.prompt("What is my name?")
    await chat.answer()
    context = messages(await chat.model.asked_once(second))[-3:-1]
    wanted = [
        {"role": "user", "content": f"My name is Ash. [[test:;t={first}]]"},
        {"role": "assistant", "content": answer.text},
    ]
    chat.check(context == wanted, "context", expected=str(wanted), actual=context)


@scenario(clause="RC27", needs=("mock",), evidence="10 of 20 prompts lost by the original")
async def prompt_right_after_end(chat: RpcChat) -> None:
    """The engine answers a prompt right after chat_end, ten times in a row."""
    await chat.prepare()
    for _ in range(10):
        chat.prompt_at_once("Who are you?", "finish:stop")
        await chat.answer(clause="RC27")


@scenario(clause="RC15", needs=("mock",))
async def prompt_raw_text(chat: RpcChat) -> None:
    """The engine answers a prompt that is plain text instead of JSON."""
    await chat.prepare()
    token = "raw" + chat.session
    prompt = f"Who are you? {chat.model.directive(token=token)}"
    chat.text(prompt)
    answer = await chat.answer(clause="RC15")
    entry = await chat.complete(token, answer)
    last = messages(entry)[-1]
    chat.check(
        last.get("content") == prompt and bool(deltas(entry)),
        "prompt",
        expected=prompt,
        actual=last,
    )
