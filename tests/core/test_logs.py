"""ptrack.core.logs: no text of an exception passes for a line of the log."""

import asyncio
import io
import logging
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import pytest

from ptrack.core.logs import (
    LONGEST_MESSAGE,
    escape,
    escape_traceback,
    is_way_out,
    log,
    log_failure,
)

FORGED = "x\r\n2026-01-01 ERROR forged \x1b[31m\x00\x85\u2028\u202e\ud800 %s"


def raise_and_catch(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def assert_escaped(error: BaseException, times: int = 1) -> str:
    text = escape_traceback(error)
    assert text is not None
    assert all(map(str.isprintable, text.split("\n")))
    assert not any(line.startswith("2026") for line in text.split("\n"))
    assert text.count(r"\r\n2026-01-01 ERROR forged \x1b[31m\x00\x85\u2028") == times
    return text


def test_unprintable_is_escaped_and_all_else_stays():
    assert escape("a é 🙂 %s \\ '") == "a é 🙂 %s \\ '"
    assert escape("\r\n\t\x1b\x7f\u2028\ud800") == r"\r\n\t\x1b\x7f\u2028\ud800"


def test_traceback_of_harmless_exceptions_is_left_to_logging():
    assert escape_traceback(raise_and_catch(ValueError("plain é 🙂"))) is None
    assert escape_traceback(ValueError()) is None


def test_traceback_shows_its_frames_and_everything_else_on_one_line():
    text = assert_escaped(raise_and_catch(ValueError(FORGED)))
    first, *frames, last = text.split("\n")
    assert first == "Traceback (most recent call last):"
    assert "in raise_and_catch" in frames[0]
    assert last.startswith(r"ValueError: x\r\n2026")


def test_cause_and_context_come_first():
    cause, context = (
        raise_and_catch(KeyError("first")),
        raise_and_catch(KeyError("hidden")),
    )
    error = raise_and_catch(ValueError(FORGED))
    error.__cause__, error.__context__ = cause, context
    text = assert_escaped(error)
    assert text.index("KeyError: 'first'") < text.index("which led to:")
    assert text.index("which led to:") < text.index("ValueError: x")
    assert "hidden" not in text
    plain = raise_and_catch(RuntimeError("plain"))
    plain.__context__ = raise_and_catch(ValueError(FORGED))
    assert_escaped(plain)
    plain.__suppress_context__ = True
    assert escape_traceback(plain) is None


def test_exceptions_that_led_to_each_other_are_shown_once():
    one, other = (
        raise_and_catch(ValueError(FORGED)),
        raise_and_catch(RuntimeError("other")),
    )
    one.__context__, other.__context__ = other, one
    assert_escaped(one)


def test_chain_may_be_longer_than_the_stack():
    error: BaseException = ValueError(FORGED)
    for number in range(5000):
        after = LookupError(number)
        after.__context__ = error
        error = after
    assert_escaped(error)


@pytest.mark.parametrize("each", ["a", "\x1b"])
def test_long_message_is_cut(each: str):
    """It may quote a header of many megabytes."""
    error = raise_and_catch(KeyError(each * 3 * LONGEST_MESSAGE))
    error.add_note("a" * LONGEST_MESSAGE)
    text = escape_traceback(error)
    assert text is not None
    assert len(text) < 6 * LONGEST_MESSAGE
    assert text.endswith("…")
    assert escape_traceback(KeyError("a" * (LONGEST_MESSAGE // 2))) is None


def test_notes_and_members_of_groups_are_escaped_too():
    noted = raise_and_catch(ValueError("plain"))
    noted.add_note(FORGED)
    assert_escaped(noted)
    members = [raise_and_catch(ValueError(FORGED)), KeyError("a")]
    group = ExceptionGroup("group", members)
    assert "KeyError: 'a'" in assert_escaped(raise_and_catch(group))


def test_exception_that_cannot_be_shown_is_shown_as_such():
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    error = raise_and_catch(MuteError())
    error.__context__ = raise_and_catch(ValueError(FORGED))
    assert "MuteError: <exception str() failed>" in assert_escaped(error)


# -- in the log -----------------------------------------------------------------------


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Yield the output of a handler as the standard library makes it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(funcName)s %(message)s"))
    logger = logging.getLogger("ptrack")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


def test_failure_is_one_record_of_the_function_that_logged_it(caplog):
    error = raise_and_catch(ValueError("plain"))
    log_failure(error, "%s of %d failed", "one", 2)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("ptrack", logging.ERROR)
    assert record.getMessage() == "one of 2 failed"
    assert record.exc_info == (ValueError, error, error.__traceback__)
    test = test_failure_is_one_record_of_the_function_that_logged_it
    assert (record.funcName, record.module) == (test.__name__, "test_logs")
    assert record.lineno == test.__code__.co_firstlineno + 2


def test_harmless_traceback_is_written_as_logging_writes_it(written):
    error = raise_and_catch(ValueError("plain"))
    log_failure(error, "first")
    ours = written.getvalue()
    written.seek(0)
    written.truncate()
    logging.getLogger("ptrack").error("first", exc_info=error)
    assert ours == written.getvalue()
    assert ours.startswith("ERROR test_harmless_traceback")
    assert ours.endswith("ValueError: plain\n")


def test_forged_lines_of_an_exception_are_written_in_one_line(written):
    log_failure(raise_and_catch(ValueError(FORGED)), "failed")
    lines = written.getvalue().splitlines()
    assert (
        lines[0]
        == "ERROR test_forged_lines_of_an_exception_are_written_in_one_line failed"
    )
    assert lines[-1].startswith(r"ValueError: x\r\n2026-01-01 ERROR forged \x1b[31m")
    assert not any(line.startswith("2026") for line in lines)
    assert written.getvalue().isascii()


def test_exception_is_there_for_handlers_that_send_it_elsewhere(caplog):
    error = raise_and_catch(ValueError(FORGED))
    log_failure(error, "failed")
    assert caplog.records[0].exc_info[1] is error


@pytest.mark.parametrize("level", [logging.CRITICAL, logging.ERROR])
def test_logger_that_takes_no_errors_costs_nothing(caplog, level):
    class CostlyError(Exception):
        def __str__(self) -> str:
            shown.append("shown")
            return "costly"

    shown: list[str] = []
    caplog.set_level(level, logger="ptrack")
    log_failure(CostlyError(), "failed")
    assert bool(caplog.records) == bool(shown) == (level == logging.ERROR)


def test_message_below_the_level_of_the_logger_is_no_record(caplog):
    caplog.set_level(logging.WARNING, logger="ptrack")
    log(logging.INFO, "below")
    log(logging.WARNING, "at it")
    assert caplog.messages == ["at it"]


def test_filters_of_the_site_see_the_record(caplog):
    """A site's own filter on the logger works, and ptrack has none there."""
    logger = logging.getLogger("ptrack")
    assert logger.filters == []
    seen: list[Any] = []

    def refuse(record: logging.LogRecord) -> bool:
        seen.append(record.getMessage())
        return False

    logger.addFilter(refuse)
    try:
        log_failure(ValueError(), "failed")
    finally:
        logger.removeFilter(refuse)
    assert (seen, caplog.records) == (["failed"], [])


def test_message_is_one_record_of_the_function_that_logged_it(caplog):
    log(logging.WARNING, "%s of %d", "one", 2)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("ptrack", logging.WARNING)
    assert record.getMessage() == "one of 2"
    test = test_message_is_one_record_of_the_function_that_logged_it
    assert (record.funcName, record.module) == (test.__name__, "test_logs")
    assert record.lineno == test.__code__.co_firstlineno + 1
    assert record.exc_info is None


def test_message_may_have_the_traceback_of_the_error_at_hand(written):
    try:
        raise LookupError("at hand")
    except LookupError:
        log(logging.WARNING, "happened", exc_info=True)
    assert written.getvalue().endswith("LookupError: at hand\n")


# -- a log that fails -----------------------------------------------------------------


class Part(logging.Handler, logging.Filter, logging.Formatter):
    """A part of a site's logging that raises.

    Args:
        error: The exception.
    """

    def __init__(self, error: BaseException) -> None:
        logging.Handler.__init__(self)
        self.error = error

    def emit(self, record: logging.LogRecord) -> None:
        raise self.error

    def filter(self, record: logging.LogRecord) -> bool:
        raise self.error

    format = emit  # type: ignore[assignment]


LOGGER = logging.getLogger("ptrack")


@contextmanager
def add(handler: logging.Handler) -> Iterator[None]:
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)


def break_handler(error: BaseException) -> AbstractContextManager[None]:
    handler = Part(error)
    handler.filter = lambda record: True  # type: ignore[method-assign]
    return add(handler)


@contextmanager
def break_filter(error: BaseException) -> Iterator[None]:
    part = Part(error)
    LOGGER.addFilter(part)
    try:
        yield
    finally:
        LOGGER.removeFilter(part)


def break_filter_of_handler(error: BaseException) -> AbstractContextManager[None]:
    handler = logging.StreamHandler(io.StringIO())
    handler.addFilter(Part(error))
    return add(handler)


def break_formatter(error: BaseException) -> AbstractContextManager[None]:
    """A stream's handler catches an `Exception` itself, and shows it."""

    class Handler(logging.StreamHandler[io.StringIO]):
        def handleError(self, record: logging.LogRecord) -> None:
            raise error

    handler = Handler(io.StringIO())
    handler.setFormatter(Part(error))
    return add(handler)


@contextmanager
def break_stream(error: BaseException) -> Iterator[None]:
    """Close the stream, and the standard error, where `logging` shows such an error."""
    closed = io.StringIO()
    closed.close()
    with pytest.MonkeyPatch.context() as patch, add(logging.StreamHandler(closed)):
        patch.setattr(sys, "stderr", closed)
        patch.setattr(logging, "raiseExceptions", True)
        yield


every_part = pytest.mark.parametrize(
    "break_log",
    [
        break_handler,
        break_filter,
        break_filter_of_handler,
        break_formatter,
        break_stream,
    ],
)
ERRORS = [OSError(), GeneratorExit(), asyncio.CancelledError(), RecursionError()]
BreakLog = Callable[[BaseException], AbstractContextManager[None]]


@every_part
@pytest.mark.parametrize("error", ERRORS)
def test_log_that_fails_costs_its_record_and_nothing_else(
    break_log: BreakLog, error: BaseException
):
    with break_log(error):
        log(logging.ERROR, "%s", "lost")
        log_failure(raise_and_catch(ValueError(FORGED)), "%s", "lost")


@every_part
def test_break_breaks_the_log(break_log: BreakLog):
    with break_log(LookupError()), pytest.raises((LookupError, ValueError)):
        LOGGER.error("lost")


def test_way_out_that_a_log_handler_raises_is_passed_on():
    for error in (KeyboardInterrupt(), SystemExit()):
        with break_handler(error), suppress(type(error)):
            log(logging.ERROR, "lost")
            pytest.fail("not passed on")


@pytest.mark.parametrize("name", ["__notes__", "__cause__", "__context__"])
def test_exception_that_cannot_be_read_is_logged_by_its_type(caplog, name: str):
    class OddError(Exception):
        def _fail(self) -> Any:
            raise RuntimeError("no")

    setattr(OddError, name, property(OddError._fail))
    log_failure(OddError(), "Callback %s failed", "x")
    (record,) = caplog.records
    assert record.getMessage() == "Callback x failed"
    shown = logging.Formatter("%(message)s").format(record).splitlines()
    # From Python 3.13 on, the traceback says itself that it has no notes.
    kept = ("OddError, which can't be shown", "RuntimeError('no')")
    assert "OddError" in shown[-1]
    assert shown[-1].endswith(kept)


# -- the end of the process -----------------------------------------------------------


def in_a_loop(function: Callable[[], bool]) -> bool:
    async def call() -> bool:
        return function()

    return asyncio.run(call())


def in_a_thread(function: Callable[[], bool]) -> bool:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(30)


def in_a_loop_in_a_thread(function: Callable[[], bool]) -> bool:
    return in_a_thread(lambda: in_a_loop(function))


@pytest.mark.parametrize(
    "place",
    [in_a_loop, in_a_thread, in_a_loop_in_a_thread, lambda function: function()],
)
def test_way_out_depends_on_the_error_and_the_place(place: Any):
    def judge(error: BaseException) -> bool:
        return bool(place(lambda: is_way_out(error)))

    assert judge(KeyboardInterrupt())
    in_main_thread = place not in (in_a_loop, in_a_thread, in_a_loop_in_a_thread)
    assert judge(SystemExit()) == in_main_thread
    for error in (
        GeneratorExit(),
        asyncio.CancelledError(),
        BaseException(),
        OSError(),
    ):
        assert not judge(error)
