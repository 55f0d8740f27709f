"""ptrack.core.logs: nothing that an exception says passes for a line of the log."""

import logging

from ptrack.core.logs import EscapedTracebacks, escaped, escaped_traceback

FORGED = "x\r\n2026-01-01 ERROR forged \x1b[31m\x00\x85\u2028\u202e\ud800 %s"


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def assert_escaped(error: BaseException, times: int = 1) -> str:
    text = escaped_traceback(error)
    assert text is not None
    assert all(map(str.isprintable, text.split("\n")))
    assert not any(line.startswith("2026") for line in text.split("\n"))
    assert text.count(r"\r\n2026-01-01 ERROR forged \x1b[31m\x00\x85\u2028") == times
    return text


def test_unprintable_is_escaped_and_all_else_stays():
    assert escaped("a é 🙂 %s \\ '") == "a é 🙂 %s \\ '"
    assert escaped("\r\n\t\x1b\x7f\u2028\ud800") == r"\r\n\t\x1b\x7f\u2028\ud800"


def test_traceback_of_harmless_exceptions_is_left_to_logging():
    assert escaped_traceback(raised(ValueError("plain é 🙂"))) is None
    assert escaped_traceback(ValueError()) is None


def test_traceback_shows_where_it_was_raised_and_says_the_rest_on_one_line():
    text = assert_escaped(raised(ValueError(FORGED)))
    first, *frames, last = text.split("\n")
    assert first == "Traceback (most recent call last):"
    assert "in raised" in frames[0]
    assert last.startswith(r"ValueError: x\r\n2026")


def test_cause_and_context_come_first():
    cause, context = raised(KeyError("first")), raised(KeyError("hidden"))
    error = raised(ValueError(FORGED))
    error.__cause__, error.__context__ = cause, context
    text = assert_escaped(error)
    assert text.index("KeyError: 'first'") < text.index("which led to:")
    assert text.index("which led to:") < text.index("ValueError: x")
    assert "hidden" not in text
    plain = raised(RuntimeError("plain"))
    plain.__context__ = raised(ValueError(FORGED))
    assert_escaped(plain)
    plain.__suppress_context__ = True
    assert escaped_traceback(plain) is None


def test_exceptions_that_led_to_each_other_are_shown_once():
    one, other = raised(ValueError(FORGED)), raised(RuntimeError("other"))
    one.__context__, other.__context__ = other, one
    assert_escaped(one)


def test_chain_may_be_longer_than_the_stack():
    error: BaseException = ValueError(FORGED)
    for number in range(5000):
        after = LookupError(number)
        after.__context__ = error
        error = after
    assert_escaped(error)


def test_notes_and_members_of_groups_are_escaped_too():
    noted = raised(ValueError("plain"))
    noted.add_note(FORGED)
    assert_escaped(noted)
    members = [raised(ValueError(FORGED)), KeyError("a")]
    group = ExceptionGroup("group", members)
    assert "KeyError: 'a'" in assert_escaped(raised(group))


def test_exception_that_cannot_be_shown_is_shown_as_such():
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    error = raised(MuteError())
    error.__context__ = raised(ValueError(FORGED))
    assert "MuteError: <exception str() failed>" in assert_escaped(error)


def test_filter_keeps_the_exception_and_lets_every_record_pass():
    error = raised(ValueError(FORGED))
    record = logging.makeLogRecord({"exc_info": (ValueError, error, None)})
    assert EscapedTracebacks().filter(record)
    assert record.exc_info[1] is error
    assert record.exc_text == escaped_traceback(error)
    plain = logging.makeLogRecord({"msg": "plain"})
    assert EscapedTracebacks().filter(plain)
    assert plain.exc_text is None
