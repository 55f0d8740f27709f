"""The log, and the difference between a failure and the end of the process.

No exception's text may pass for a line of the log. A callback's exception may quote its
request or its arguments, and these may hold line breaks, or escapes that a terminal
obeys (https://cwe.mitre.org/data/definitions/117.html).
"""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import TracebackException
from types import TracebackType

logger = logging.getLogger("ptrack")

LONGEST_MESSAGE = 10_000
"""The characters of an exception's message that are logged; the rest is dropped.

A message may quote a header, and servers let headers of many megabytes through.
"""


def is_way_out(error: BaseException) -> bool:
    """Return whether an exception of the site's code has to be passed on.

    `KeyboardInterrupt` has to, and in the main thread, outside an event loop,
    `SystemExit` too: the signal handlers of gunicorn and of workers raise it there.
    Elsewhere a `SystemExit` would end the server for everybody: asyncio ends its loop.
    So there it is a failure of the function that raised it, as everything else is, even
    if it isn't an `Exception`: a cancellation, or a panic in a library in Rust.

    Args:
        error: The exception, in the thread in which it was caught.
    """
    # Not `isinstance`, which reads an attribute of the exception.
    kind = type(error)
    if issubclass(kind, SystemExit):
        in_main_thread = threading.get_ident() == threading.main_thread().ident
        return in_main_thread and not _has_loop()
    return issubclass(kind, KeyboardInterrupt)


def read_trace(error: BaseException) -> TracebackType | None:
    """Return the traceback of an exception, whatever its class makes of attributes."""
    found: TracebackType | None = vars(BaseException)["__traceback__"].__get__(error)
    return found


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@contextmanager
def _drop_failures() -> Iterator[None]:
    """Drop the failure of a log handler, a filter or a formatter of the site.

    There is no place left to report it.
    """
    try:
        yield
    except BaseException as error:
        if is_way_out(error):
            raise


def log(
    level: int, message: str, *details: object, exc_info: bool | None = None
) -> None:
    """Log a message; what a handler or a filter of the site raises is dropped.

    Args:
        level: The level, of `logging`.
        message: The message, with a placeholder for each detail.
        details: The details.
        exc_info: Add the traceback of the exception that is being handled.
    """
    if not logger.isEnabledFor(level):
        return
    with _drop_failures():
        logger.log(level, message, *details, exc_info=exc_info, stacklevel=2)


def log_failure(error: BaseException, message: str, *details: object) -> None:
    """Log an exception as an ERROR, its traceback escaped where that is needed.

    The exception itself is in ``exc_info``, for handlers that send it elsewhere. What
    they raise is dropped.

    Args:
        error: The exception.
        message: The message, with a ``%s`` for each detail.
        details: The details.
    """
    if not logger.isEnabledFor(logging.ERROR):
        return
    with _drop_failures():
        file, line, function, _ = logger.findCaller(stacklevel=2)
        about = (type(error), error, read_trace(error))
        record = logger.makeRecord(
            *(logger.name, logging.ERROR, file, line, message, details, about, function)
        )
        # `logging.Formatter` uses this where it is set.
        record.exc_text = _write_traceback(error)
        logger.handle(record)


def _write_traceback(error: BaseException) -> str | None:
    # An exception of the site's may raise when its notes or its cause are read.
    with _drop_failures():
        return escape_traceback(error)
    return f"{type(error).__qualname__}, which can't be shown"


def escape_traceback(error: BaseException) -> str | None:
    """Return a traceback with one line for each exception, unprintable text escaped.

    Of each message, the first `LONGEST_MESSAGE` characters are in it.

    Args:
        error: The exception; those that led to it, or are grouped in it, come first.

    Returns:
        The text; ``None`` if nothing has to be escaped or cut.
    """
    errors = _find_connected(TracebackException.from_exception(error))
    messages = [_format_message(each) for each in errors]
    if all(len(each) <= LONGEST_MESSAGE and each.isprintable() for each in messages):
        return None
    parts = [
        "".join(each.stack.format()) + escape(message)
        for each, message in zip(errors, messages, strict=True)
    ]
    return "Traceback (most recent call last):\n" + "\nwhich led to:\n".join(parts)


def escape(text: str) -> str:
    """Return text with Python's escapes for all that isn't printable."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode()
        for each in text
    )


def _format_message(error: TracebackException) -> str:
    # With the notes, and the details of a syntax error, after line breaks.
    text = "".join(error.format_exception_only()).strip("\n")
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}…"


def _find_connected(error: TracebackException) -> list[TracebackException]:
    """Return the exceptions grouped in one, those that led to it, and then itself."""
    found: list[TracebackException] = []
    waiting = [error]
    # Not by recursion: one exception in each of a thousand calls is such a chain.
    while waiting:
        found.append(waiting.pop())
        waiting += _find_next(found[-1])
    return found[::-1]


def _find_next(error: TracebackException) -> list[TracebackException]:
    before = error.__cause__
    if before is None and not error.__suppress_context__:
        before = error.__context__
    members = error.exceptions or ()
    return [*members, *([] if before is None else [before])]
