"""Matching: which expectation a received message meets. No I/O, no clock of its own.

A message goes to the first expectation, in the order of their declaration, that
it fits and whose turn it is; one message meets one expectation at most, and what
fits none is ignored. It is anybody's turn, unless the test is `in_order` (the first
one's) or the expectation comes `after` others (once those are met). A forbidden
message fails the test whatever else it would meet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from conformance.ws.errors import WSExpectationError
from conformance.ws.frame import NOT_JSON, Frame, parse, shown
from conformance.ws.latency import Match
from conformance.ws.nearest import Miss, nearest_miss
from conformance.ws.paths import resolve
from conformance.ws.response import WSResponse
from conformance.ws.transcript import Direction, What

if TYPE_CHECKING:
    from conformance.ws.declaration import WSTest


class Matching:
    """What one run of a test received, and what became of its expectations."""

    def __init__(self, test: WSTest) -> None:
        self._test = test
        self.frames: list[Frame] = []
        self.matches: list[Match] = []
        self._collected: dict[int, list[Frame]] = {}
        """Frames by the id() of their expectation, which equality does not tell apart."""
        self._progress: dict[int, list[Frame]] = {}
        """Those of a repetition that is not complete."""
        self._met_at: dict[int, float] = {}
        self._taken: dict[int, WSResponse] = {}
        """By the frame's number, the expectation that it counted for."""

    def receive(self, raw: str | bytes, at: float) -> tuple[Frame, WSResponse | None]:
        """Take one message in; returns the expectation that is met with it, if one is.

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
        for each in self._in_turn():
            ends = each.terminator is not None and self._fits(each.terminator, frame)
            if ends or self._fits(each, frame):
                return each
        return None

    def _in_turn(self) -> Iterable[WSResponse]:
        outstanding = self._test.expected_responses
        candidates = outstanding[:1] if self._test.ordered else outstanding
        return [each for each in candidates if all(map(self._is_met, each.predecessors))]

    def _is_met(self, response: WSResponse) -> bool:
        return any(each is response for each in self._test.received_responses)

    def _fits(self, response: WSResponse, frame: Frame) -> bool:
        return response.accepts(frame, self._test.variables)

    def _forbid(self, frame: Frame) -> None:
        for each in self._test.forbidden_responses:
            if self._fits(each, frame):
                raise WSExpectationError(
                    "without_response",
                    expected=f"no message that fits {each}",
                    actual=shown(frame.raw),
                    where=self.place(frame),
                )

    def place(self, frame: Frame) -> str:
        """Where a frame is in the transcript."""
        return f"frame {frame.number} at {self._test.transcript.since(frame.at)}"

    def _advance(self, taker: WSResponse, frame: Frame) -> bool:
        """Count the frame for its expectation; returns whether that is met now."""
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
            self._capture(terminator, frame)
            self._count(taker, len(frames), frame)
        else:
            self._capture(taker, frame)
            frames.append(frame)
            self._collected.setdefault(id(taker), []).append(frame)
            wanted = 1 if taker.count is None else taker.count
            if terminator is not None:
                if taker.count is not None and len(frames) > taker.count:
                    self._count(taker, len(frames), frame)
                return False
            if len(frames) < wanted:
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

    def _capture(self, response: WSResponse, frame: Frame) -> None:
        for name, path in response.captures.items():
            self._test.variables[name] = resolve(frame.document, path)[0]

    def deadline(self, response: WSResponse) -> float | None:
        """When an expectation with `within` must be met, on the monotonic clock."""
        if response.limit is None:
            return None
        met = [self._met_at[id(each)] for each in response.predecessors if id(each) in self._met_at]
        if self._test.ordered:
            met += [match.at for match in self.matches[-1:]]
        return max([self._test.transcript.zero, *met]) + response.limit

    def next_deadline(self) -> float | None:
        """The earliest deadline of those whose turn it is."""
        times = [at for each in self._in_turn() if (at := self.deadline(each)) is not None]
        return min(times, default=None)

    def collected(self, response: WSResponse) -> list[Frame]:
        """Every frame that counted for this expectation so far."""
        return list(self._collected.get(id(response), ()))

    def misses(self) -> tuple[Miss, ...]:
        """For each expectation that is not met, what came closest to it."""
        return tuple(self._miss(each) for each in self._test.expected_responses)

    def _miss(self, response: WSResponse) -> Miss:
        got = len(self._progress.get(id(response), ()))
        progress = ""
        if response.terminator is not None:
            progress = f"{got} so far, and not the end"
        elif response.count is not None:
            progress = f"{got} of {response.count}"
        # A frame that this very expectation counted is progress, and no miss.
        frames = [each for each in self.frames if self._taken.get(each.number) is not response]
        sought = response if response.terminator is None else response.terminator
        return nearest_miss(
            sought, frames, self._test.variables, reason=self._reason, progress=progress
        )

    def _reason(self, frame: Frame) -> str:
        taker = self._taken.get(frame.number)
        return "it came before its turn" if taker is None else f"{taker} took it"


def document_of(frame: Frame) -> Any:
    """What references are taken from: the frame's document, None where it has none."""
    return None if frame.document is NOT_JSON else frame.document
