"""Answers as Django's responses, for the middleware and the view alike."""

from collections.abc import Mapping

from django.http import HttpResponse
from django.http.response import ResponseHeaders
from django.utils.datastructures import CaseInsensitiveMapping

from .pixel import Answer


class _PreparedHeaders(ResponseHeaders):
    """Headers of our own making: not checked and encoded again at every hit."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        CaseInsensitiveMapping.__init__(self, headers)


def to_response(answer: Answer) -> HttpResponse:
    """Give Django's response for an answer.

    Args:
        answer: A value of `ptrack.pixel`.
    """
    response = HttpResponse(
        answer.body, answer.header_map["Content-Type"], answer.status
    )
    response.headers = _PreparedHeaders(answer.header_map)
    return response
