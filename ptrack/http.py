"""Answers as Django's responses, for the middleware and the view alike."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.http import HttpResponse, SimpleCookie

from .pixel import Answer


def to_response(answer: Answer) -> HttpResponse:
    """Give Django's response for an answer, which is the caller's to change.

    Args:
        answer: A value of `ptrack.pixel`.
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
    return _Mould(response, headers=_Mould(response.headers), cookies=SimpleCookie)


class _Mould:
    """Gives copies of an object, each with lists and dicts of its own.

    It makes them as `copy.copy` does, but finds out only once what that takes.

    Args:
        thing: What to copy.
        parts: Attributes that a copy gets a new one of, and what gives it.
    """

    def __init__(self, thing: Any, **parts: Callable[[], Any]) -> None:
        self._kind: Any = type(thing)
        self._state = vars(thing)
        containers = {
            name: value.copy
            for name, value in self._state.items()
            if type(value) in (dict, list)
        }
        self._parts = tuple({**containers, **parts}.items())

    def __call__(self) -> Any:
        """Give a copy."""
        copy = self._kind.__new__(self._kind)
        copy.__dict__ = state = self._state.copy()
        for name, part in self._parts:
            state[name] = part()
        return copy
