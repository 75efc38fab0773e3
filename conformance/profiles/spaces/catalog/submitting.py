"""Submitting requests: what is accepted, what is refused, and what reaches the app."""

import asyncio

from conformance.core.scenario import scenario
from conformance.profiles.spaces.client import SpacesBench
from conformance.profiles.spaces.user import AUDIO, Space

NOT_LOGGED_IN = "未登录"
WRONG_SPACE = "Space 未找到或类型不正确"
NO_APP = "远程应用未连接"
NO_AUDIO = "缺少音频直链"

QUOTA = 5
"""Requests that a standard user has a day."""

COOLDOWN = 5

NOWHERE = Space("00000000-0000-4000-8000-000000000000", "nowhere")

PROMPT = "  Hi! \n\tÄ 诗 🐈‍⬛ {{7*7}} ${x} <b>&amp;</b> \"'\\ %0a \u202e\u2028 end  "
"""A prompt of all that is escaped, normalised or tidied somewhere."""


@scenario(clause=("SP12", "SP13", "SP17"), everywhere=True, evidence="testing guide, scenario 1")
async def submit_completed(bench: SpacesBench) -> None:
    """A request reaches the app with its user's name, and the app's result its user."""
    space, app, user = await bench.ready()
    request = await user.asked(space, prompt="Generate a poem about cats", audio_url=AUDIO)
    given = await app.given(request)
    app.expect(
        given.username == user.name,
        check="username",
        clause="SP13",
        expected=user.name,
        actual=given.username,
    )
    result = {"text": "Cats sit. They see.\nThey go.", "processing_time_seconds": 2.45}
    await app.report(request, "completed", result)
    await user.sees(request, "completed", result)


@scenario(clause=("SP8", "SP12"), evidence="code, submission 1")
async def submit_anonymous(bench: SpacesBench) -> None:
    """Who is not logged in is refused with 401, whatever the space; the app hears nothing."""
    space, app, user = await bench.ready()
    visitor = bench.visitor()
    for each in (space, NOWHERE):
        await visitor.refused(await visitor.submit(each), 401, NOT_LOGGED_IN, clause="SP8")
    await app.works(user, space, clause="SP8")


@scenario(clause=("SP8", "SP36"), evidence="code, submission 2")
async def submit_to_no_space(bench: SpacesBench) -> None:
    """A space that is unknown, or of another type, is refused with 404."""
    standard, user = await asyncio.gather(bench.space(card_type="standard"), bench.user())
    for each in (NOWHERE, standard):
        await user.refused(await user.submit(each), 404, WRONG_SPACE, clause="SP8")


@scenario(
    clause=("SP8", "SP36"),
    everywhere=True,
    evidence="testing guide, test suite 1; code, submission 3",
)
async def submit_without_app(bench: SpacesBench) -> None:
    """A space whose app is not connected is refused with 503."""
    space, user = await asyncio.gather(bench.space(), bench.user())
    reply = await user.submit(space)
    if await user.refused(reply, 503, NO_APP, clause="SP8") and bench.account == "guide":
        said = reply.json["error"].lower()
        user.expect(
            "not connected" in said or "remote" in said,
            reply,
            check="english",
            clause="SP36",
            expected="an error that also says 'not connected' or 'remote', as the guide's script",
        )


@scenario(
    clause="SP11",
    everywhere=True,
    needs=("account=guide",),
    evidence="testing guide, step 4; spec 10.4",
)
async def submit_prompt_only(bench: SpacesBench) -> None:
    """A prompt alone is a request."""
    space, app, user = await bench.ready()
    request = await user.asked(space, clause="SP11", prompt="Test")
    await app.takes(request, clause="SP11")


@scenario(
    clause=("SP11", "SP36"), everywhere=True, needs=("account=code",), evidence="code, submission 6"
)
async def submit_without_audio(bench: SpacesBench) -> None:
    """A prompt without an audio link, or with a blank one, is refused with 400."""
    space, app, user = await bench.ready()
    for fields in ({"prompt": "Test"}, {"prompt": "Test", "audio_url": "  "}):
        await user.refused(await user.submit(space, **fields), 400, NO_AUDIO, clause="SP11")
    await app.works(user, space, clause="SP11")


@scenario(clause=("SP9", "SP34"), everywhere=True, evidence="code, submission 4")
async def submit_too_soon(bench: SpacesBench) -> None:
    """A space's cooldown keeps its user back, and neither another user nor another space."""
    space, app, user = await bench.ready(ws_rate_limit_seconds=str(COOLDOWN))
    other, neighbour = await asyncio.gather(
        bench.user(), bench.space(ws_rate_limit_seconds=str(COOLDOWN))
    )
    elsewhere = await bench.app(neighbour)
    first = await user.asked(space)
    reply = await user.submit(space)
    if not await user.refused(reply, 429, clause="SP9"):
        return
    retry = reply.json.get("retry_after")
    user.expect(
        type(retry) is int and 1 <= retry <= COOLDOWN,
        reply,
        check="retry_after",
        clause="SP9",
        expected=f"retry_after, a whole number from 1 to {COOLDOWN}",
    )
    second = await other.asked(space, clause="SP9")
    await app.takes(first, second, clause="SP9")
    await elsewhere.works(user, neighbour, clause="SP34")


@scenario(clause=("SP10", "SP36"), everywhere=True, evidence="code, submission 5")
async def submit_over_quota(bench: SpacesBench) -> None:
    """The sixth request of a day is refused with 403, which names the quota."""
    space, app, user = await bench.ready()
    requests = [await user.asked(space, clause="SP10") for _ in range(QUOTA)]
    reply = await user.submit(space)
    if not await user.refused(reply, 403, clause="SP10"):
        return
    said = reply.json["error"]
    expected = f"an error that names the limit {QUOTA}"
    user.expect(str(QUOTA) in said, reply, check="limit", clause="SP10", expected=expected)
    words = f"Usage limit reached for today. (Limit: {QUOTA})"
    user.expect(said == words, reply, check="words", clause="SP36", expected=words)
    await app.takes(*requests, clause="SP10")
    await app.works(await bench.user(), space, clause="SP10")


@scenario(clause="SP10", evidence="defect of the code: user records are saved whole")
async def submit_over_quota_at_once(bench: SpacesBench) -> None:
    """Of eight simultaneous requests of one user as many are accepted as the quota says."""
    space, app, user = await bench.ready()
    replies = await asyncio.gather(*(user.submit(space) for _ in range(QUOTA + 3)))
    statuses = sorted(each.status for each in replies)
    bench.expect(
        statuses == [200] * QUOTA + [403] * 3,
        check="quota",
        clause="SP10",
        expected=f"{QUOTA} times 200, 3 times 403",
        actual=", ".join(map(str, statuses)),
    )
    given = {(await app.given(clause="SP13")).id for _ in range(statuses.count(200))}
    accepted = {each.json.get("request_id") for each in replies if each.status == 200}
    bench.expect(
        given == accepted,
        check="given",
        clause="SP13",
        expected="each accepted request is given",
        actual=f"{len(given & accepted)} of {len(accepted)}",
    )


@scenario(clause="SP13", evidence="reasoned; forms, templates and logs like to tidy text")
async def submit_text_unaltered(bench: SpacesBench) -> None:
    """Prompt and audio link reach the app as they were sent, to the last space."""
    space, app, user = await bench.ready()
    long = "字" * 12_000
    audio = "https://example.org/a%20b.wav?x=1&y=%E8%AF%97#t=3"
    for prompt in (PROMPT, long):
        request = await user.asked(space, prompt=prompt, audio_url=audio)
        given = await app.given(request)
        app.expect(
            given.payload["prompt"] == prompt,
            check="prompt",
            clause="SP13",
            expected=repr(prompt),
            actual=given.payload["prompt"],
        )
        app.expect(
            given.payload["audio"] == audio,
            check="audio",
            clause="SP13",
            expected=audio,
            actual=given.payload["audio"],
        )
    await app.silent(clause="SP13")


@scenario(clause=("SP13", "SP15"), everywhere=True, evidence="testing guide, scenario 3; spec 10.5")
async def submit_with_a_file(bench: SpacesBench) -> None:
    """An audio link goes with an uploaded film, whose name the app is told."""
    space, app, user = await bench.ready(ws_enable_audio="on", ws_enable_video="on")
    reply = await user.post(
        space.submit,
        {"prompt": "What is this?", "audio_url": AUDIO},
        files={"video_file": ("猫 film.mp4", b"\0\1film" * 100, "video/mp4")},
    )
    request = user.accepted(reply)
    given = await app.given(request)
    app.expect(
        given.payload["audio"] == AUDIO,
        check="audio",
        clause="SP13",
        expected=f"the audio link {AUDIO}",
        actual=given.payload,
    )
    if bench.account == "guide":
        files = given.payload.get("files")
        named = [each.get("filename") for each in files or [] if isinstance(each, dict)]
        app.expect(
            named == ["猫 film.mp4"],
            check="files",
            clause="SP15",
            expected="one file, named '猫 film.mp4'",
            actual=given.payload,
        )
