"""Failures in the log, where no exception's text may pass for a line of the log.

A callback's exception may quote its request or its arguments, and these may hold line
breaks, or escapes that a terminal obeys (https://cwe.mitre.org/data/definitions/117.html).
"""

import logging
from traceback import TracebackException

logger = logging.getLogger("ptrack")

ENDS = (KeyboardInterrupt, SystemExit, GeneratorExit)
"""These end the process, or a generator, and are passed on.

Everything else is a failure of the function that was called, even if it isn't an
`Exception`: a cancellation, or a panic in a library in Rust.
"""


def log_failure(error: BaseException, message: str, *details: object) -> None:
    """Log an exception as an ERROR, its traceback escaped where that is needed.

    The exception itself is in ``exc_info``, for handlers that send it elsewhere.

    Args:
        error: The exception.
        message: The message, with a ``%s`` for each detail.
        details: The details.
    """
    if not logger.isEnabledFor(logging.ERROR):
        return
    file, line, function, _ = logger.findCaller(stacklevel=2)
    about = (type(error), error, error.__traceback__)
    record = logger.makeRecord(
        *(logger.name, logging.ERROR, file, line, message, details, about, function)
    )
    # `logging.Formatter` uses this where it is set.
    record.exc_text = escape_traceback(error)
    logger.handle(record)


def escape_traceback(error: BaseException) -> str | None:
    """Return a traceback with one line for each exception, unprintable text escaped.

    Args:
        error: The exception; those that led to it, or are grouped in it, come first.

    Returns:
        The text; ``None`` if nothing has to be escaped.
    """
    errors = _find_connected(TracebackException.from_exception(error))
    messages = [_format_message(each) for each in errors]
    if all(map(str.isprintable, messages)):
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
    return "".join(error.format_exception_only()).strip("\n")


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
