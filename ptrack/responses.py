"""Answers as Django's responses, for the middleware and the view alike."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.http import HttpResponse, SimpleCookie

from .core.answers import Answer


def to_response(answer: Answer) -> HttpResponse:
    """Give Django's response for an answer, which is the caller's to change.

    Args:
        answer: A value of `ptrack.core.answers`.
    """
    return _mould(answer)()


@lru_cache(maxsize=16)
def _mould(answer: Answer) -> Callable[[], HttpResponse]:
    """Let Django build, and check, the response of an answer once."""
    response = HttpResponse(
        answer.body,
        status=answer.status,
        reason=answer.reason,
        headers=answer.header_map,
    )
    return _copier(response, headers=_copier(response.headers), cookies=SimpleCookie)


def _copier(thing: Any, **parts: Callable[[], Any]) -> Callable[[], Any]:
    """Give what makes copies of an object, each with lists and dicts of its own.

    It makes them as `copy.copy` does, but finds out only once what that takes.

    Args:
        thing: What to copy.
        parts: Attributes that a copy gets a new one of, and what gives it.
    """
    kind: Any = type(thing)
    new, state = kind.__new__, vars(thing)
    containers = {
        name: value.copy for name, value in state.items() if type(value) in (dict, list)
    }
    own = tuple({**containers, **parts}.items())

    def copy() -> Any:
        copied = new(kind)
        copied.__dict__ = attributes = state.copy()
        for name, part in own:
            attributes[name] = part()
        return copied

    return copy
