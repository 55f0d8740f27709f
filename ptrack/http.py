"""Answers as Django's responses, for the middleware and the view alike."""

from django.http import HttpResponse

from .pixel import Answer


def to_response(answer: Answer) -> HttpResponse:
    """Give Django's response for an answer.

    Args:
        answer: A value of `ptrack.pixel`.
    """
    return HttpResponse(
        answer.body,
        status=answer.status,
        reason=answer.reason,
        headers=dict(answer.headers),
    )
