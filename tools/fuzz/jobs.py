"""Anything from a broker: `perform`, as a worker's engine calls it.

The fuzzer's bytes are the text of a job; behind an ``O`` they are JSON for an object
that an engine brings instead of text.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import ptrack
from ptrack.agents import client_ip, identify
from ptrack.background.worker import perform
from ptrack.core.callbacks import Tracker
from ptrack.core.kinds import KINDS
from ptrack.core.links import check_target
from ptrack.exceptions import PtrackRecordingError, PtrackRegistrationError
from tools.fuzz import inputs

LONGEST_LINE = 400
"""The characters of a line of the log, at most."""

_REFUSAL = re.compile(r"not a job of ptrack \(\w+\)")


class Call(NamedTuple):
    """The call of a callback."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    id: UUID
    at: datetime


class _Calls(list[Call]):
    def keep(self, name: str, request: Any, args: Any, kwargs: Any) -> None:
        hit = ptrack.hit(request)
        # Callbacks do this with a request, and anything may be in it.
        assert isinstance(request.method, str)
        identify(request)
        client_ip(request)
        self.append(Call(name, args, kwargs, hit.id, hit.at))


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def prepare() -> Iterator[Callable[[bytes], None]]:
    """Yield a function of the fuzzer's bytes that raises if a rule is broken."""
    calls, handler, tracker = _Calls(), _Lines(), Tracker()
    logger = logging.getLogger("ptrack")
    propagates = logger.propagate
    for name, base in (("Open", ptrack.TrackingPixel), ("Click", ptrack.TrackingLink)):
        tracker.register(_make_callback(name, base, calls))
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield lambda data: _check(read_input(data), calls, handler.lines)
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates
        for each in tracker.callbacks:
            tracker.unregister(each)


def _make_callback(name: str, base: Any, calls: _Calls) -> Any:
    def record(_: Any, request: Any, /, *args: Any, **kwargs: Any) -> None:
        calls.keep(name, request, args, kwargs)

    return type(name, (base,), {"record": record, "__module__": "fuzz"})


def read_input(data: bytes) -> Any:
    """Return the text, or the object, that the fuzzer's bytes stand for."""
    if data[:1] == b"O":
        try:
            return json.loads(data[1:])
        except (ValueError, RecursionError):
            return None
    return data.removeprefix(b"J").decode("utf-8", "surrogateescape")


def mutate(data: bytes, seed: int, plain: inputs.Mutate) -> bytes:
    """Change the fuzzer's bytes: see `tools.fuzz.inputs.mutate`."""
    return inputs.mutate(data, seed, plain)


def _check(job: Any, calls: _Calls, lines: list[str]) -> None:
    calls.clear()
    lines.clear()
    error = _perform(job)
    due = _read(job)
    assert repr(calls) == repr([due] if isinstance(due, Call) else []), job
    assert (type(error) if error else error) is (
        due if isinstance(due, type) else None
    ), (error, due, job)
    if isinstance(error, ValueError):
        assert _REFUSAL.fullmatch(str(error)), error
    for line in (*lines, str(error)):
        assert line.isprintable(), line
        assert len(line) <= LONGEST_LINE, line


def _perform(job: Any) -> Exception | None:
    try:
        perform(job)
    except (PtrackRegistrationError, PtrackRecordingError, ValueError) as error:
        return error
    return None


# -- what the documents say of a job --------------------------------------------------


def _read(job: Any) -> Call | type:
    """Return the call that a job has to make, or else its error."""
    try:
        found = json.loads(job) if isinstance(job, str) and len(job) <= 250_000 else {}
        return _read_fields(**{name: found[name] for name in _FIELDS})
    except Exception:
        return ValueError


_FIELDS = ("callback", "kind", "id", "at", "meta", "args", "kwargs", "target")


def _read_fields(
    callback: Any,
    kind: Any,
    id: Any,  # noqa: A002 - its name
    at: Any,
    meta: Any,
    args: Any,
    kwargs: Any,
    target: Any,
) -> Call | type:
    time = datetime.fromisoformat(at)
    assert isinstance(callback, str)
    assert len(callback) <= 1000
    assert isinstance(args, list)
    assert isinstance(kwargs, dict)
    kept = {name: text for name, text in meta.items() if _is_kept(name)}
    assert all(isinstance(text, str) for text in kept.values())
    assert time.tzinfo is not None
    assert 1970 <= time.astimezone(UTC).year < 3000
    if {each.name: each for each in KINDS}[kind].has_target:
        check_target(target)
        args = [target, *args]
    else:
        assert target is None
    identity = UUID(hex=id)
    name = callback.removeprefix("fuzz.")
    if callback not in ("fuzz.Open", "fuzz.Click"):
        return PtrackRegistrationError
    return Call(name, tuple(args), kwargs, identity, time.astimezone(UTC))


def _is_kept(name: str) -> bool:
    secret = ("AUTHORIZATION", "COOKIE", "PROXY", "PROXY_AUTHORIZATION")
    if name.startswith("HTTP_"):
        return name.removeprefix("HTTP_") not in secret
    return name == "wsgi.url_scheme" or name in (
        *("CONTENT_TYPE", "GATEWAY_INTERFACE", "PATH_INFO", "QUERY_STRING"),
        *("REMOTE_ADDR", "REMOTE_HOST", "REMOTE_USER", "REQUEST_METHOD"),
        *("SCRIPT_NAME", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL"),
        "SERVER_SOFTWARE",
    )
