"""A thread that decides what is asked: whoever waits at the same time is decided, and committed, together."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from decisionloop.act.situation import ChoiceError
from decisionloop.errors import ConfigurationError, DecisionLoopError
from decisionloop.ledger.schema import utc_now
from decisionloop.ledger.storage.refusals import refusal_sentences
from decisionloop.ledger.stream import KnownAlready, StreamRequest, find_request
from decisionloop.stream.answered_before import (
    REMEMBER_SECONDS,
    hold_models_of_an_older_ledger,
    remember_answer,
)
from decisionloop.stream.answers import answers_as_json
from decisionloop.stream.asked import (
    AnotherBody,
    Asked,
    AskedRow,
    Busy,
    DecidedBefore,
    LookedUp,
    frame_of,
    require_recent,
)
from decisionloop.stream.committing import Overtaken, commit, rehearse
from decisionloop.stream.decide import Decided, decide
from decisionloop.stream.deciders import Deciders, read_deciders
from decisionloop.stream.desk import Desk, made_up_rows
from decisionloop.stream.readiness import Readiness
from decisionloop.stream.waiting import Waiting, is_large, parts_of

T = TypeVar("T")
LOG = logging.getLogger("decisionloop.stream")

DECIDERS_SECONDS = 2.0
"""How long who decides is taken as read; that it still holds is asked in every commit."""
ATTEMPTS = 10
WARM_UP_ROWS = (1, 2, 16)
"""Who asks alone and who asks with others takes other ways through numpy."""
MOMENT = timedelta(microseconds=1)


class Decider:
    """Decides one use case, one group of requests after another. ``open_desk`` is tried until it gives a desk."""

    def __init__(self, name: str, open_desk: Callable[[], Desk]) -> None:
        self._name, self._open_desk = name, open_desk
        self._desk: Desk | None = None
        self._deciders: tuple[float, Deciders] | None = None
        self._waiting, self._readiness = Waiting(), Readiness(name)
        self._remembered = -REMEMBER_SECONDS
        self._last = utc_now()
        self._thread = threading.Thread(target=self._go_on, name="decider", daemon=True)

    def begin(self) -> None:
        """Start deciding."""
        self._thread.start()

    def end(self) -> None:
        """Decide what waits, and stop."""
        self._waiting.end()
        if self._thread.ident is not None:
            self._thread.join(timeout=30)
        if self._desk is not None and not self._thread.is_alive():
            self._desk.writer.close()

    def ask(self, asked: Asked) -> None:
        """Let a request be decided; its ``told`` says when it is. Raises Busy where too many wait."""
        self._waiting.add(asked)

    def desk(self) -> Desk:
        """What it works with. Raises ConfigurationError, with the reason, where it cannot be opened."""
        if self._desk is None:
            self._desk = self._opened()
        return self._desk

    def _opened(self) -> Desk:
        try:
            desk = self._open_desk()
            hold_models_of_an_older_ledger(desk.workspace)
            return desk
        except ConfigurationError:
            raise
        except DecisionLoopError as error:  # a contract, say: nobody is decided yet, so no rules have failed
            raise ConfigurationError(f"{error}\nThen restart the service.") from error

    def why_not_ready(self) -> str:
        """Why nobody can be decided now; empty where somebody can."""
        try:
            read_deciders(self.desk())
        except DecisionLoopError as error:
            return f"{self._name}: {error}"
        except SQLAlchemyError as error:
            return f"{self._name}: {refusal_sentences(error)}"
        if self._thread.ident is None:
            return ""
        why_not = self._readiness.why_not()
        if not self._readiness.is_warm:
            self._waiting.call()  # where it could not warm up before, it can now
        return f"{self._name}: {why_not}" if why_not else ""

    def _warm_up(self) -> None:
        """Open and load everything before the first request: some made-up rows are decided, and not kept.

        While the ledger is away, or refuses, it is tried again.
        """
        try:
            desk = self.desk()
            for size in WARM_UP_ROWS:
                made_up = Asked(made_up_rows(desk.use_case, size), None, None, "")
                rehearse(desk, [self._told(desk, [made_up], made_up.rows, self._now())[0]])
            self._readiness.succeeded()
        except Exception as error:  # whatever it is, requests are told of it as long as it lasts
            self._readiness.made_up_rows_failed(error)

    def _go_on(self) -> None:
        self._warm_up()
        while (group := self._waiting.next()) is not None:
            if not self._readiness.is_warm and not group:
                self._warm_up()
            begun = time.perf_counter()
            self._answer(group)
            self._waiting.took(time.perf_counter() - begun)

    def _answer(self, group: Sequence[Asked]) -> None:
        """Tell everybody something: an answer, or why there is none."""
        if not group:
            return
        try:
            self._decide(list(group))
        except (SQLAlchemyError, ConfigurationError) as error:
            self._deciders = None
            _fail(group, self._readiness.request_failed(error))
        except Exception as error:  # one request must not take the others with it
            left = [one for one in group if not one.told.done()]
            if len(group) == 1:
                _fail(left, self._readiness.request_failed(error))
            else:
                for one in left:
                    self._answer([one])

    def _decide(self, group: list[Asked]) -> None:
        desk = self.desk()
        group = self._without_answered(group)
        for one in group:
            require_recent(one)  # one that names a moment stands alone
        for _ in range(ATTEMPTS):
            if not group:
                return
            moment = group[0].decided_at or self._now()
            parts = self._in_parts(desk, group, moment)
            decided = [one for one, _ in parts]
            texts = _texts(group, [one for _, told in parts for one in told])
            try:
                kept = commit(desk, decided, self._requests(group, texts))
            except Overtaken:
                self._deciders = None
                continue
            except KnownAlready as known:
                ids = [an_id for one in decided for an_id in one.scores["decision_id"].to_pylist()]
                group = self._without_known(group, known, ids)
                continue
            self._readiness.succeeded()
            for one, text in zip(group, texts, strict=True):
                one.told.set_result(text)
            self._remember(desk, kept)
            return
        _fail(group, Busy())

    def _remember(self, desk: Desk, segment_id: str) -> None:
        """Let the home know what was answered last, now and then: a ledger that is put back does not."""
        now = time.monotonic()
        if now - self._remembered > REMEMBER_SECONDS:
            self._remembered = now
            try:
                remember_answer(desk.workspace, segment_id)
            except OSError as error:  # whoever asked has an answer, and it is kept
                LOG.warning("the home cannot be written", extra={"error": type(error).__name__, "detail": self._name})

    def _in_parts(self, desk: Desk, group: Sequence[Asked], moment: datetime) -> list[tuple[Decided, list[str]]]:
        """What is decided as of a moment, with the answers; of a large request part by part, which are kept together.

        Who waits meanwhile is decided between two parts. Limits of the policy hold over all rows of a request at once,
        so that it is decided whole where there are any.
        """
        rows = [row for one in group for row in one.rows]
        if not is_large(group[0]) or desk.use_case.policy.constraints:
            return [self._told(desk, group, rows, moment)]
        parts: list[tuple[Decided, list[str]]] = []
        for some in parts_of(rows):
            if parts:
                self._answer(self._waiting.meanwhile())
            parts.append(self._told(desk, group, some, moment))
        return parts

    def _told(
        self, desk: Desk, group: Sequence[Asked], rows: Sequence[AskedRow], moment: datetime
    ) -> tuple[Decided, list[str]]:
        """What is decided of rows of a group, and the answers. What no model can cope with the rules decide, once it
        stands alone."""
        deciders = self._present()
        frame, looked_up = frame_of(desk.use_case, rows), LookedUp.of(rows)
        try:
            decided = decide(desk, deciders, frame, moment, looked_up=looked_up)
            return decided, answers_as_json(desk.use_case, decided)
        except (ArithmeticError, LookupError, TypeError, ValueError, ChoiceError):
            if len(group) > 1:
                raise
            LOG.exception("a request that models cannot cope with; the rules decide it")
        decided = decide(desk, deciders, frame, moment, is_by_rules_alone=True, looked_up=looked_up)
        return decided, answers_as_json(desk.use_case, decided)

    def _now(self) -> datetime:
        """The present moment, later than any before: it is part of who a decision is."""
        self._last = max(utc_now(), self._last + MOMENT)
        return self._last

    def _present(self) -> Deciders:
        known = self._deciders
        if known is None or time.monotonic() - known[0] > DECIDERS_SECONDS:
            self._deciders = known = (time.monotonic(), read_deciders(self.desk()))
        return known[1]

    def _requests(self, group: Sequence[Asked], texts: Sequence[str]) -> list[StreamRequest]:
        name, now = self.desk().use_case.name, utc_now()
        return [
            StreamRequest(request_id, name, one.body_digest, text, now)
            for one, text in zip(group, texts, strict=True)
            if (request_id := one.request_id(name)) is not None
        ]

    def _without_answered(self, group: Sequence[Asked]) -> list[Asked]:
        """Those of a group that were not answered before; the others are told what they were told then."""
        desk, left = self.desk(), []
        for one in group:
            request_id = one.request_id(desk.use_case.name)
            known = None if request_id is None else find_request(desk.workspace.ledger, request_id)
            if known is None:
                left.append(one)
            elif known.body_digest == one.body_digest:
                one.told.set_result(known.answer)
            else:
                one.told.set_exception(AnotherBody())
        return left

    def _without_known(self, group: Sequence[Asked], known: KnownAlready, ids: Sequence[str]) -> list[Asked]:
        """Those of a group of which nothing was decided as of this moment before; the others are told."""
        of_each = dict(zip(map(id, group), _by_request(group, ids), strict=True))
        left = []
        for one in self._without_answered(group):
            if one.decided_at is not None and known.decisions.intersection(of_each[id(one)]):
                one.told.set_exception(DecidedBefore())
            else:
                left.append(one)
        return left


def _by_request(group: Sequence[Asked], of_rows: Sequence[T]) -> list[Sequence[T]]:
    """What there is a row, cut into what belongs to each request."""
    ends = list(itertools.accumulate(len(one.rows) for one in group))
    return [of_rows[end - len(one.rows) : end] for one, end in zip(group, ends, strict=True)]


def _texts(group: Sequence[Asked], answers: Sequence[str]) -> list[str]:
    """The answers of each request, JSON each, as a JSON list."""
    return [f"[{','.join(own)}]" for own in _by_request(group, answers)]


def _fail(group: Sequence[Asked], error: Exception) -> None:
    for one in group:
        if not one.told.done():
            one.told.set_exception(error)
