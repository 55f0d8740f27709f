"""ptrack.around: the options that all middlewares without a framework have."""

import inspect

import pytest

from ptrack.around import Around
from ptrack.exceptions import PtrackConfigurationError
from ptrack.wsgi import PtrackWSGIMiddleware, mirror

OPTIONS = [
    name
    for name, parameter in inspect.signature(Around).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
]


def test_every_option_is_explained():
    documentation = inspect.getdoc(Around) or ""
    for name in OPTIONS:
        assert f"\n    {name}: " in documentation, name


def test_middleware_has_all_of_them():
    assert list(inspect.signature(PtrackWSGIMiddleware).parameters) == [
        *("app", "secret"),
        *OPTIONS,
    ]


def test_option_that_is_none_is_refused():
    with pytest.raises(TypeError, match="colour"):
        mirror(colour="red")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("app_url", "www.example.com"),
        ("prefix", 1),
        ("link_fallback_url", "/help/"),
        ("link_query", "utm_source"),
        ("honour_gpc", "yes"),
        ("background", "rabbit"),
        ("background_queue", 1),
    ],
)
def test_bad_value_is_refused_at_start_up(option: str, value: object):
    with pytest.raises(PtrackConfigurationError):
        mirror(**{option: value})
