"""ptrack.responses: an answer as one of Django's responses."""

import pickle
from typing import Any

import pytest
from django.http import HttpResponse

from ptrack.core.answers import LINK_NOT_FOUND, PIXEL_IMAGE, REDIRECT, Answer
from ptrack.core.kinds import KINDS, PIXEL
from ptrack.responses import to_response

ANSWERS = [
    PIXEL_IMAGE,
    PIXEL.answers["HEAD"],
    REDIRECT,
    LINK_NOT_FOUND,
    *(kind.not_allowed for kind in KINDS),
]
UNCHANGEABLE = (str, bytes, int, bool, type(None))


def build(answer: Answer) -> HttpResponse:
    return HttpResponse(
        answer.body,
        status=answer.status,
        reason=answer.reason,
        headers=dict(answer.headers),
    )


@pytest.mark.parametrize("answer", ANSWERS)
def test_response_is_the_one_that_django_builds(answer: Answer):
    response, expected = to_response(answer), build(answer)
    assert type(response) is HttpResponse
    assert vars(response).keys() == vars(expected).keys()
    assert response.serialize() == expected.serialize()
    assert response.reason_phrase == answer.reason
    assert list(response.items()) == list(answer.headers)


def test_two_responses_share_nothing_that_can_change():
    """This includes parts of a response that only other versions of Django have."""

    def assert_apart(one: Any, other: Any) -> None:
        for name, value in vars(one).items():
            if isinstance(value, UNCHANGEABLE):
                continue
            assert value is not vars(other)[name], name
            if hasattr(value, "__dict__"):
                assert_apart(value, vars(other)[name])

    assert_apart(to_response(PIXEL_IMAGE), to_response(PIXEL_IMAGE))


def test_change_of_a_response_changes_no_other():
    response = to_response(PIXEL_IMAGE)
    response["X-More"] = "1"
    del response["Pragma"]
    response.set_cookie("name", "value")
    response.content = b"other"
    response.status_code = 500
    response.close()

    another = to_response(PIXEL_IMAGE)
    assert dict(another.items()) == dict(PIXEL_IMAGE.headers)
    assert (another.content, another.status_code) == (PIXEL_IMAGE.body, 200)
    assert not another.cookies
    assert not another.closed


def test_response_can_be_pickled_as_django_s_caches_do():
    response = pickle.loads(pickle.dumps(to_response(PIXEL_IMAGE)))
    assert response.serialize() == build(PIXEL_IMAGE).serialize()
