"""Answers as Django's responses, and the state that Django makes other headers of."""

from typing import Any, NamedTuple

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from .core.answers import Answer


def to_response(answer: Answer) -> HttpResponse:
    """Return a new Django response for an answer, which the caller may change."""
    return HttpResponse(
        answer.body,
        status=answer.status,
        reason=answer.reason,
        headers=answer.header_map,
    )


class State(NamedTuple):
    """The state of a request before its callbacks ran.

    Attributes:
        session: The session, or ``None``.
        lent: The session that the callbacks get in its place; ``None`` for no other.
        language: The active language; ``None`` if no middleware has chosen one.
    """

    session: Any
    lent: SessionBase | None
    language: str | None

    def restore(self, request: HttpRequest) -> None:
        """Have the middlewares above ptrack see nothing of what callbacks have read.

        What they wrote is kept: Django saves a session that was modified.
        """
        lent = self.lent
        if lent is not None and not lent.modified:
            request.session = self.session
        if self.language is not None:
            translation.activate(self.language)


def take_state(request: HttpRequest) -> State | None:
    """Return the state that `State.restore` restores, and lend another session.

    ``SessionMiddleware`` adds ``Vary: Cookie`` to an answer if the session was read,
    and deletes the cookie of a session that proved to be gone; ``LocaleMiddleware``
    adds the active language. A forged token runs no callback that could do so.

    Args:
        request: The request, before its callbacks run.

    Returns:
        ``None`` if neither middleware stands above ptrack.
    """
    session = getattr(request, "session", None)
    language = getattr(request, "LANGUAGE_CODE", None)
    if session is None and language is None:
        return None
    lent = _lend(session)
    if lent is not None:
        request.session = lent
    return State(session, lent, language if isinstance(language, str) else None)


def _lend(session: Any) -> SessionBase | None:
    """Return a second object for a session, unless the first has unsaved data."""
    # By its type: a proxy isn't made of a key.
    if not issubclass(type(session), SessionBase) or session.modified:
        return None
    lent: SessionBase = type(session)(session.session_key)
    return lent
