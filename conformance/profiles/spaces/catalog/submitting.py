"""Submission of requests: which ones are accepted, and what reaches the app."""

import asyncio

from conformance.core.scenario import scenario
from conformance.profiles.spaces.bench import SpacesBench
from conformance.profiles.spaces.user import AUDIO, Space

NOT_LOGGED_IN = "未登录"
WRONG_SPACE = "Space 未找到或类型不正确"
NO_APP = "远程应用未连接"
NO_AUDIO = "缺少音频直链"

QUOTA = 5
"""A standard user's requests a day."""

COOLDOWN = 5
"""Seconds."""

NOWHERE = Space("00000000-0000-4000-8000-000000000000", "nowhere")

PROMPT = "  Hi! \n\tÄ 诗 🐈‍⬛ {{7*7}} ${x} <b>&amp;</b> \"'\\ %0a \u202e\u2028 end  "
"""A prompt of characters that some layer escapes, normalises or tidies."""


@scenario(clause=("SP12", "SP13", "SP17"), everywhere=True, evidence="testing guide, scenario 1")
async def submit_completed(bench: SpacesBench) -> None:
    """The app receives a request with its user's name, and the user sees the app's result."""
    space, app, user = await bench.ready()
    request = await user.request(space, prompt="Generate a poem about cats", audio_url=AUDIO)
    name = (await app.next_request(request)).username
    app.check(name == user.name, "username", expected=user.name, actual=name, clause="SP13")
    result = {"text": "Cats sit. They see.\nThey go.", "processing_time_seconds": 2.45}
    await app.report(request, "completed", result)
    await user.sees(request, "completed", result)


@scenario(clause=("SP8", "SP12"), evidence="code, submission 1")
async def submit_anonymous(bench: SpacesBench) -> None:
    """The website refuses a visitor's submission with 401, to an unknown space too."""
    space, app, user = await bench.ready()
    visitor = bench.visitor()
    for place in (space, NOWHERE):
        visitor.refused(await visitor.submit(place), 401, NOT_LOGGED_IN)
    await app.works(user, space)


@scenario(clause=("SP8", "SP36"), evidence="code, submission 2")
async def submit_to_no_space(bench: SpacesBench) -> None:
    """The website refuses a submission to an unknown space, or one of another type, with 404."""
    standard, user = await asyncio.gather(bench.space(card_type="standard"), bench.user())
    for place in (NOWHERE, standard):
        user.refused(await user.submit(place), 404, WRONG_SPACE)


@scenario(
    clause=("SP8", "SP36"),
    everywhere=True,
    evidence="testing guide, test suite 1; code, submission 3",
)
async def submit_without_app(bench: SpacesBench) -> None:
    """The website refuses a submission to a space without an app with 503."""
    space, user = await asyncio.gather(bench.space(), bench.user())
    reply = await user.submit(space)
    if user.refused(reply, 503, NO_APP) and bench.account == "guide":
        error = reply.json["error"].lower()
        user.check(
            "not connected" in error or "remote" in error,
            "english",
            expected="an error that also says 'not connected' or 'remote', as the guide's script",
            actual=reply,
            clause="SP36",
        )


@scenario(
    clause="SP11",
    everywhere=True,
    needs=("account=guide",),
    evidence="testing guide, step 4; spec 10.4",
)
async def submit_prompt_only(bench: SpacesBench) -> None:
    """The website accepts a prompt without an audio link."""
    space, app, user = await bench.ready()
    request = await user.request(space, clause="SP11", prompt="Test")
    await app.receives(request)


@scenario(
    clause=("SP11", "SP36"), everywhere=True, needs=("account=code",), evidence="code, submission 6"
)
async def submit_without_audio(bench: SpacesBench) -> None:
    """The website refuses a prompt with a missing or a blank audio link with 400."""
    space, app, user = await bench.ready()
    for fields in ({"prompt": "Test"}, {"prompt": "Test", "audio_url": "  "}):
        user.refused(await user.submit(space, **fields), 400, NO_AUDIO)
    await app.works(user, space)


@scenario(clause=("SP9", "SP34"), everywhere=True, evidence="code, submission 4")
async def submit_too_soon(bench: SpacesBench) -> None:
    """A space's cooldown delays its user, and neither another user nor another space."""
    space, app, user = await bench.ready(ws_rate_limit_seconds=str(COOLDOWN))
    other, neighbour = await asyncio.gather(
        bench.user(), bench.space(ws_rate_limit_seconds=str(COOLDOWN))
    )
    elsewhere = await bench.app(neighbour)
    first = await user.request(space)
    reply = await user.submit(space)
    if not user.refused(reply, 429):
        return
    retry = reply.json.get("retry_after")
    user.check(
        type(retry) is int and 1 <= retry <= COOLDOWN,
        "retry_after",
        expected=f"retry_after, a whole number from 1 to {COOLDOWN}",
        actual=reply,
    )
    second = await other.request(space, clause="SP9")
    await app.receives(first, second)
    await elsewhere.works(user, neighbour, clause="SP34")


@scenario(clause=("SP10", "SP36"), everywhere=True, evidence="code, submission 5")
async def submit_over_quota(bench: SpacesBench) -> None:
    """The website refuses a user's sixth request of a day with 403, which names the quota."""
    space, app, user = await bench.ready()
    requests = [await user.request(space, clause="SP10") for _ in range(QUOTA)]
    reply = await user.submit(space)
    if not user.refused(reply, 403):
        return
    error = reply.json["error"]
    expected = f"an error that names the limit {QUOTA}"
    user.check(str(QUOTA) in error, "limit", expected=expected, actual=reply)
    words = f"Usage limit reached for today. (Limit: {QUOTA})"
    user.check(error == words, "words", expected=words, actual=reply, clause="SP36")
    await app.receives(*requests)
    await app.works(await bench.user(), space)


@scenario(clause="SP10", evidence="defect of the code: user records are saved whole")
async def submit_over_quota_at_once(bench: SpacesBench) -> None:
    """The website accepts only the quota of a user's eight simultaneous requests."""
    space, app, user = await bench.ready()
    replies = await asyncio.gather(*(user.submit(space) for _ in range(QUOTA + 3)))
    statuses = sorted(reply.status for reply in replies)
    bench.check(
        statuses == [200] * QUOTA + [403] * 3,
        "quota",
        expected=f"{QUOTA} times 200, 3 times 403",
        actual=", ".join(map(str, statuses)),
    )
    given = {(await app.next_request()).id for _ in range(statuses.count(200))}
    accepted = {reply.json.get("request_id") for reply in replies if reply.status == 200}
    bench.check(
        given == accepted,
        "given",
        expected="the app is given each accepted request",
        actual=f"{len(given & accepted)} of {len(accepted)}",
        clause="SP13",
    )


@scenario(clause="SP13", evidence="reasoned; forms, templates and logs like to tidy text")
async def submit_text_unaltered(bench: SpacesBench) -> None:
    """The app receives the prompt and the audio link unaltered, including white space."""
    space, app, user = await bench.ready()
    audio = "https://example.org/a%20b.wav?x=1&y=%E8%AF%97#t=3"
    for prompt in (PROMPT, "字" * 12_000):
        request = await user.request(space, prompt=prompt, audio_url=audio)
        payload = (await app.next_request(request)).payload
        for name, value in (("prompt", prompt), ("audio", audio)):
            given = payload[name]
            app.check(given == value, name, expected=repr(value)[:200], actual=given)
    await app.silent()


@scenario(clause=("SP13", "SP15"), everywhere=True, evidence="testing guide, scenario 3; spec 10.5")
async def submit_with_a_file(bench: SpacesBench) -> None:
    """The app receives an audio link next to an uploaded film, and the film's name."""
    space, app, user = await bench.ready(ws_enable_audio="on", ws_enable_video="on")
    reply = await user.post(
        space.submit,
        {"prompt": "What is this?", "audio_url": AUDIO},
        files={"video_file": ("猫 film.mp4", b"\0\1film" * 100, "video/mp4")},
    )
    payload = (await app.next_request(user.accepted(reply))).payload
    expected = f"the audio link {AUDIO}"
    app.check(payload["audio"] == AUDIO, "audio", expected=expected, actual=payload)
    if bench.account == "guide":
        files = payload.get("files")
        names = [file.get("filename") for file in files or [] if isinstance(file, dict)]
        app.check(
            names == ["猫 film.mp4"],
            "files",
            expected="one file, named '猫 film.mp4'",
            actual=payload,
            clause="SP15",
        )
