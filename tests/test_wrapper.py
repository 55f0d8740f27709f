"""ptrack.wrapper: the options that all middlewares without a framework have."""

import inspect

import pytest

from ptrack import asgi, wsgi
from ptrack.asgi import PtrackASGIMiddleware
from ptrack.exceptions import PtrackConfigurationError
from ptrack.wrapper import Around
from ptrack.wsgi import PtrackWSGIMiddleware

OPTIONS = [
    name
    for name, parameter in inspect.signature(Around).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
]


def test_every_option_is_explained():
    documentation = inspect.getdoc(Around) or ""
    for name in OPTIONS:
        assert f"\n    {name}: " in documentation, name


@pytest.mark.parametrize("middleware", [PtrackWSGIMiddleware, PtrackASGIMiddleware])
def test_middleware_has_all_of_them(middleware):
    parameters = list(inspect.signature(middleware).parameters)
    assert parameters == ["app", "secret", *OPTIONS]


MIRRORS = pytest.mark.parametrize("mirror", [wsgi.mirror, asgi.mirror])


@MIRRORS
def test_option_that_does_not_exist_is_told(mirror):
    with pytest.raises(TypeError, match="colour"):
        mirror(colour="red")


@MIRRORS
@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("secret", "", "PTRACK_SECRET can't be used: a secret must not be empty"),
        ("secret", "x" * 33, "at most 32 bytes"),
        ("secret_fallbacks", "old", "must be a list"),
        ("app_url", "www.example.com", "a scheme and a host"),
        ("prefix", 1, "must be str"),
        ("link_fallback_url", "/help/", "must be an absolute URL"),
        ("link_query", "utm_source", "must be a list"),
        ("honour_gpc", "yes", "must be True or False"),
        ("background", "rabbit", 'neither "celery" nor "tasks"'),
        ("background_queue", 1, "must be the name of a queue"),
    ],
)
def test_bad_value_is_told_at_start_up(mirror, option: str, value: object, said: str):
    with pytest.raises(PtrackConfigurationError, match=said):
        mirror(**{"secret": "s" * 32, option: value})
