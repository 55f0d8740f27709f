"""Answers as Django's responses, for the middleware and the view."""

from django.http import HttpResponse

from .core.answers import Answer


def to_response(answer: Answer) -> HttpResponse:
    """Return a new Django response for an answer, which the caller may change."""
    return HttpResponse(
        answer.body,
        status=answer.status,
        reason=answer.reason,
        headers=answer.header_map,
    )
