"""Answers as Django's responses, for the middleware and the view."""

from django.http import HttpResponse

from .core.answers import Answer


def to_response(answer: Answer) -> HttpResponse:
    """Return a new Django response for an answer, which the caller may change."""
    headers = dict(answer.headers)
    response = HttpResponse(
        answer.body, headers.pop("Content-Type", None), answer.status, answer.reason
    )
    # Django takes longer for headers that it gets as an argument.
    for name, value in headers.items():
        response.headers[name] = value
    return response
