"""Tracebacks for the log, in which nothing that an exception says passes for a line.

A callback's exception may quote its request or its arguments, and these may hold line
breaks, or escapes that a terminal obeys (https://cwe.mitre.org/data/definitions/117.html).
"""

import logging
from traceback import TracebackException


class EscapedTracebacks(logging.Filter):
    """Lets every record pass, and writes its traceback itself where that is needed.

    The exception stays in ``exc_info`` as it was, for handlers that send it elsewhere.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Set ``exc_text``, which `logging.Formatter` uses if it is there."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            record.exc_text = escaped_traceback(error)
        return True


def escaped_traceback(error: BaseException) -> str | None:
    """Give a traceback whose exceptions have a line each, all unprintable escaped.

    Args:
        error: The exception; before it come those that led to it or are grouped in it.

    Returns:
        The text; ``None`` if nothing is to be escaped, and the usual traceback does.
    """
    errors = _connected(TracebackException.from_exception(error))
    messages = [_message(each) for each in errors]
    if all(map(str.isprintable, messages)):
        return None
    parts = [
        "".join(each.stack.format()) + escaped(message)
        for each, message in zip(errors, messages, strict=True)
    ]
    return "Traceback (most recent call last):\n" + "\nwhich led to:\n".join(parts)


def escaped(text: str) -> str:
    """Give text with all that isn't printable as Python's escapes for it."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode()
        for each in text
    )


def _message(error: TracebackException) -> str:
    # With the notes, and the details of a syntax error, after line breaks.
    return "".join(error.format_exception_only()).strip("\n")


def _connected(error: TracebackException) -> list[TracebackException]:
    """Give the exceptions grouped in one, those that led to it, and then itself."""
    found: list[TracebackException] = []
    waiting = [error]
    # Not by recursion: one exception in each of a thousand calls is such a chain.
    while waiting:
        found.append(waiting.pop())
        waiting += _next_to(found[-1])
    return found[::-1]


def _next_to(error: TracebackException) -> list[TracebackException]:
    before = error.__cause__
    if before is None and not error.__suppress_context__:
        before = error.__context__
    # Groups came with Python 3.11.
    members = getattr(error, "exceptions", None) or ()
    return [*members, *([] if before is None else [before])]
