"""ptrack.responses: an answer as Django's response, cheaply made and yet a whole one."""

import copy
import pickle
from typing import Any

import pytest
from django.http import HttpResponse

from ptrack.core.answers import METHOD_NOT_ALLOWED, PIXEL, PIXEL_HEAD, Answer
from ptrack.responses import to_response

ANSWERS = [PIXEL, PIXEL_HEAD, METHOD_NOT_ALLOWED]
SHAREABLE = (str, bytes, int, bool, type(None))


def built(answer: Answer) -> HttpResponse:
    return HttpResponse(
        answer.body,
        status=answer.status,
        reason=answer.reason,
        headers=dict(answer.headers),
    )


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_response_is_what_django_would_have_built(answer: Answer) -> None:
    response, expected = to_response(answer), built(answer)
    assert type(response) is HttpResponse
    assert type(response.headers) is type(expected.headers)
    assert vars(response) == vars(expected)
    assert response.serialize() == expected.serialize()
    assert response.reason_phrase == answer.reason


def test_two_responses_share_nothing_that_can_change() -> None:
    """Also of what another version of Django may keep in its responses."""

    def assert_apart(one: Any, other: Any) -> None:
        for name, value in vars(one).items():
            if isinstance(value, SHAREABLE):
                continue
            assert value is not vars(other)[name], name
            if hasattr(value, "__dict__"):
                assert_apart(value, vars(other)[name])

    assert_apart(to_response(PIXEL), to_response(PIXEL))


def test_what_is_done_to_a_response_stays_with_it() -> None:
    response = to_response(PIXEL)
    response["X-More"] = "1"
    del response["Pragma"]
    response.set_cookie("name", "value")
    response.content = b"other"
    response.status_code = 500
    response.close()

    another = to_response(PIXEL)
    assert dict(another.items()) == dict(PIXEL.headers)
    assert (another.content, another.status_code) == (PIXEL.body, 200)
    assert not another.cookies
    assert not another.closed


def test_a_response_can_be_pickled_as_django_s_caches_do() -> None:
    response = pickle.loads(pickle.dumps(to_response(PIXEL)))
    assert response.serialize() == built(PIXEL).serialize()


def test_an_answer_of_one_moment_is_no_less_right() -> None:
    """Only the latest are remembered: it may say something else each time."""
    for number in range(40):
        answer = Answer(200, "OK", (("X-Number", str(number)),), b"")
        assert to_response(answer)["X-Number"] == str(number)
        assert to_response(copy.copy(answer))["X-Number"] == str(number)
