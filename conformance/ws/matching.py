"""Matching: which expectation a received message meets. Without I/O and without a clock.

A message goes to the first expectation, in the order of declaration, that it fits and whose
turn it is. A message meets at most one expectation; a message that fits none is ignored. It
is the turn of every expectation, with two exceptions. In a test that is `in_order`, it is
the turn of the first one only. An expectation that comes `after` others waits for these. A
forbidden message fails the test, also if it fits an expectation.
"""

from __future__ import annotations

from conformance.ws.content import Content, captured, differences
from conformance.ws.declaration import Declaration
from conformance.ws.frame import Frame, parse, shown
from conformance.ws.latency import Match
from conformance.ws.nearest import Miss, nearest_miss
from conformance.ws.transcript import Direction, What
from conformance.ws.ws_expectation_error import WSExpectationError
from conformance.ws.ws_response import WSResponse


class Matching:
    """The received frames of one run, and the state of its expectations."""

    def __init__(self, test: Declaration) -> None:
        self._test = test
        self.frames: list[Frame] = []
        self.matches: list[Match] = []
        self._collected: dict[int, list[Frame]] = {}
        """Frames by the id() of their expectation: equal expectations have distinct ids."""
        self._progress: dict[int, list[Frame]] = {}
        """The frames of each repetition that is not complete."""
        self._met_at: dict[int, float] = {}
        self._taken: dict[int, WSResponse] = {}
        """By the number of a frame, the expectation that it counted for."""

    def receive(self, raw: str | bytes, at: float) -> tuple[Frame, WSResponse | None]:
        """Add one message; return its frame and the expectation that it completes, if any.

        Raises WSExpectationError for a message that contradicts the test.
        """
        test = self._test
        frame = Frame(number=len(self.frames) + 1, at=at, raw=raw, document=parse(raw))
        self.frames.append(frame)
        test.received_json.append(raw)
        taker = self._taker(frame)
        note = f"frame {frame.number}" + (f", for {taker}" if taker else "")
        test.transcript.add(Direction.RECEIVED, What.MESSAGE, raw, note, at=at)
        self._forbid(frame)
        if taker is None:
            return frame, None
        self._taken[frame.number] = taker
        return frame, taker if self._advance(taker, frame) else None

    def _taker(self, frame: Frame) -> WSResponse | None:
        for response in self._in_turn():
            ends = response.terminator is not None and self._fits(response.terminator, frame)
            if ends or self._fits(response, frame):
                return response
        return None

    def _in_turn(self) -> list[WSResponse]:
        outstanding = self._test.expected_responses
        candidates = outstanding[:1] if self._test.ordered else outstanding
        return [each for each in candidates if all(map(self._is_met, each.predecessors))]

    def _is_met(self, response: WSResponse) -> bool:
        return any(met is response for met in self._test.received_responses)

    def _fits(self, content: Content, frame: Frame) -> bool:
        return not differences(content, frame, self._test.variables)

    def _forbid(self, frame: Frame) -> None:
        for response in self._test.forbidden_responses:
            if self._fits(response, frame):
                raise WSExpectationError(
                    "without_response",
                    expected=f"no message that fits {response}",
                    actual=shown(frame.raw),
                    where=self.place(frame),
                )

    def place(self, frame: Frame) -> str:
        """Return the place of a frame in the transcript: `frame 3 at +0.120 s`."""
        return f"frame {frame.number} at {self._test.transcript.since(frame.at)}"

    def _advance(self, taker: WSResponse, frame: Frame) -> bool:
        """Count the frame for its expectation; return whether that completes it."""
        test = self._test
        limit = self.deadline(taker)
        if limit is not None and frame.at > limit:
            raise WSExpectationError(
                "within",
                expected=f"{taker} within {taker.limit:g} s",
                actual=f"{frame.at - limit:.3f} s later",
                where=self.place(frame),
            )
        frames = self._progress.setdefault(id(taker), [])
        terminator = taker.terminator
        if terminator is not None and self._fits(terminator, frame):
            test.variables.update(captured(terminator, frame.document))
            self._count(taker, len(frames), frame)
        else:
            test.variables.update(captured(taker, frame.document))
            frames.append(frame)
            self._collected.setdefault(id(taker), []).append(frame)
            if terminator is not None:
                if taker.count is not None and len(frames) > taker.count:
                    self._count(taker, len(frames), frame)
                return False
            if len(frames) < (taker.count or 1):
                return False
        self.matches.append(Match(str(taker), tuple(frames), frame.at))
        del self._progress[id(taker)]
        self._met_at[id(taker)] = frame.at
        test.received_responses.append(taker)
        index = next(i for i, each in enumerate(test.expected_responses) if each is taker)
        del test.expected_responses[index]
        return True

    def _count(self, taker: WSResponse, number: int, frame: Frame) -> None:
        exact = taker.count
        if number < taker.least or (exact is not None and number != exact):
            least = f"at least {taker.least}" if exact is None else f"{exact}"
            raise WSExpectationError(
                "until",
                expected=f"{least} before {taker.terminator}",
                actual=f"{number}",
                where=f"{self.place(frame)}: {shown(frame.raw)}",
            )

    def deadline(self, response: WSResponse) -> float | None:
        """Return when an expectation with `within` must be met, on the monotonic clock."""
        if response.limit is None:
            return None
        met = [self._met_at[id(each)] for each in response.predecessors if id(each) in self._met_at]
        if self._test.ordered:
            met += [match.at for match in self.matches[-1:]]
        return max([self._test.transcript.zero, *met]) + response.limit

    def next_deadline(self) -> float | None:
        """Return the earliest deadline of the expectations whose turn it is."""
        times = [at for each in self._in_turn() if (at := self.deadline(each)) is not None]
        return min(times, default=None)

    def collected(self, response: WSResponse) -> list[Frame]:
        """Return every frame that has counted for this expectation."""
        return list(self._collected.get(id(response), ()))

    def misses(self) -> tuple[Miss, ...]:
        """Return the nearest miss of each expectation that is not met."""
        return tuple(self._miss(response) for response in self._test.expected_responses)

    def _miss(self, response: WSResponse) -> Miss:
        number = len(self._progress.get(id(response), ()))
        progress = ""
        if response.terminator is not None:
            progress = f"{number} so far, and not the end"
        elif response.count is not None:
            progress = f"{number} of {response.count}"
        # A frame that this expectation has counted is progress, not a miss.
        frames = [each for each in self.frames if self._taken.get(each.number) is not response]
        return nearest_miss(
            response.terminator or response,
            frames,
            self._test.variables,
            reason=self._reason,
            progress=progress,
        )

    def _reason(self, frame: Frame) -> str:
        taker = self._taken.get(frame.number)
        return "it arrived before its turn" if taker is None else f"{taker} took it"
