"""The hints of the system checks: each is followed to the letter, and it helps."""

import contextlib
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from django.core import checks
from django.test import override_settings

import ptrack
from ptrack.__main__ import main
from ptrack.conf import SETTINGS, parse_setting
from tests.docs.blocks import read_text
from tests.recording import empty_tracker, register_recorder
from tests.stats.site import stats_installed  # noqa: F401 - a fixture

MIDDLEWARE = "ptrack.middleware.PtrackMiddleware"
GOOD = "https://www.example.com"
ENGINE = "tests.test_conf.Engine"
# Celery's current app, which "celery" alone stands for, may be another test's.
CELERY = "celery:tests.test_conf.CELERY"
LEFT_OUT = None


def make_secret() -> str:
    """Return what ``python -m ptrack secret`` prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["secret"]) == 0
    return out.getvalue().strip()


def find_hints(**settings: Any) -> dict[str, str]:
    """Return the hints of ptrack's checks by their ids, without the silenced ones."""
    with override_settings(**settings):
        return {
            str(each.id): str(each.hint)
            for each in checks.run_checks(include_deployment_checks=True)
            if str(each.id).startswith("ptrack.") and not each.is_silenced()
        }


# The id; settings that it complains of; a part of its hint; settings that follow it.
HINTS: list[tuple[str, dict[str, Any], str, Callable[[], dict[str, Any]]]] = [
    (
        "ptrack.E001",
        {"PTRACK_SECRET": None},
        "Set it to a random text of 32 characters, such as `python -m ptrack secret`",
        lambda: {"PTRACK_SECRET": make_secret()},
    ),
    (
        "ptrack.E001",
        {"PTRACK_SECRET": "your secret of 32 random letters"},
        "Set it to a random text of 32 characters, such as `python -m ptrack secret`",
        lambda: {"PTRACK_SECRET": make_secret()},
    ),
    (
        "ptrack.E002",
        {"PTRACK_SECRET_FALLBACKS": "old"},
        "Set it to a list of the secrets",
        lambda: {"PTRACK_SECRET_FALLBACKS": [make_secret()]},
    ),
    (
        "ptrack.E002",
        {"PTRACK_SECRET_FALLBACKS": parse_setting("PTRACK_SECRET_FALLBACKS", "[x]")},
        'that is a JSON list, ["…", "…"], or one secret.',
        lambda: {
            "PTRACK_SECRET_FALLBACKS": parse_setting(
                "PTRACK_SECRET_FALLBACKS", json.dumps([make_secret(), make_secret()])
            )
        },
    ),
    (
        "ptrack.E002",
        {"PTRACK_SECRET_FALLBACKS": parse_setting("PTRACK_SECRET_FALLBACKS", "[x]")},
        "or one secret.",
        lambda: {
            "PTRACK_SECRET_FALLBACKS": parse_setting(
                "PTRACK_SECRET_FALLBACKS", make_secret()
            )
        },
    ),
    (
        "ptrack.E003",
        {"PTRACK_APP_URL": "www.example.com"},
        "Set it to the address under which mail clients reach the site.",
        lambda: {"PTRACK_APP_URL": GOOD},
    ),
    *[
        (
            "ptrack.E004",
            {"PTRACK_PREFIX": "/a b/"},
            'for the default, set it to a path such as "/ptrack/", or to "/" for the',
            lambda value=value: {"PTRACK_PREFIX": value},
        )
        for value in (LEFT_OUT, "/ptrack/", "/")
    ],
    *[
        (
            "ptrack.E005",
            {"PTRACK_LINK_FALLBACK_URL": "/help/"},
            "Set it to a page for readers whose link is broken, or leave it out.",
            lambda value=value: {"PTRACK_LINK_FALLBACK_URL": value},
        )
        for value in (f"{GOOD}/help/", LEFT_OUT)
    ],
    (
        "ptrack.E006",
        {"PTRACK_LINK_QUERY": "utm_source"},
        "Leave it out to pass nothing on.",
        lambda: {"PTRACK_LINK_QUERY": LEFT_OUT},
    ),
    (
        "ptrack.E007",
        {"PTRACK_HONOUR_GPC": "yes"},
        "Set it to True",
        lambda: {"PTRACK_HONOUR_GPC": True},
    ),
    *[
        (
            "ptrack.E017",
            {"PTRACK_IMG_ATTRIBUTES": '<img alt="">'},
            """'width="1" height="1" alt=""', or leave it out.""",
            lambda value=value: {"PTRACK_IMG_ATTRIBUTES": value},
        )
        for value in ('width="1" height="1" alt=""', LEFT_OUT)
    ],
    *[
        (
            f"ptrack.{check}",
            {"PTRACK_BACKGROUND": bad},
            'Set PTRACK_BACKGROUND to "celery" or "tasks", or leave it out.',
            lambda value=value: {"PTRACK_BACKGROUND": value},
        )
        for check, bad in (("E008", 1), ("E014", "no.such.Engine"))
        for value in (CELERY, LEFT_OUT)
    ],
    *[
        (
            "ptrack.E009",
            {"PTRACK_BACKGROUND": ENGINE, "PTRACK_BACKGROUND_QUEUE": 1},
            "Set it to the name of a queue, or leave it out.",
            lambda value=value: {"PTRACK_BACKGROUND_QUEUE": value},
        )
        for value in ("pixels", LEFT_OUT)
    ],
    *[
        (
            "ptrack.E010",
            {"PTRACK_TRUSTED_PROXIES": "10.0.0.1"},
            'List addresses ("192.0.2.1"), networks ("10.0.0.0/8"), and "unix:" for',
            lambda value=value: {"PTRACK_TRUSTED_PROXIES": value},
        )
        for value in (["192.0.2.1", "10.0.0.0/8", "unix:"], LEFT_OUT)
    ],
    (
        "ptrack.E013",
        {
            "MIDDLEWARE": [],
            "PTRACK_PREFIX": "/other/",
            "ROOT_URLCONF": "tests.urlconfs.track",
        },
        "Set PTRACK_PREFIX to the path at which ptrack.urls is included",
        lambda: {"PTRACK_PREFIX": "/track/"},
    ),
    (
        "ptrack.E013",
        {
            "MIDDLEWARE": [],
            "PTRACK_PREFIX": "/other/",
            "ROOT_URLCONF": "tests.urlconfs.track",
        },
        "(or leave it out, if that is not in a namespace)",
        lambda: {"PTRACK_PREFIX": LEFT_OUT},
    ),
    (
        "ptrack.E013",
        {
            "MIDDLEWARE": [],
            "PTRACK_PREFIX": "/ptrack/",
            "ROOT_URLCONF": "tests.urlconfs.track",
        },
        "or include it at that prefix",
        lambda: {"ROOT_URLCONF": "tests.urlconfs.included"},
    ),
    *[
        (
            "ptrack.E016",
            {"PTRACK_PLACEHOLDERS": "[NAME"},
            r"Set it to a regular expression, such as \[[A-Z]+\] for [NAME], or leave",
            lambda value=value: {"PTRACK_PLACEHOLDERS": value},
        )
        for value in (r"\[[A-Z]+\]", LEFT_OUT)
    ],
    (
        "ptrack.W001",
        {"PTRACK_SECRET": "short"},
        "Set a random one of 32 characters, such as `python -m ptrack secret` prints.",
        lambda: {"PTRACK_SECRET": make_secret()},
    ),
    (
        "ptrack.W001",
        {"PTRACK_SECRET_FALLBACKS": ["x" * 32, "short"]},
        "Take it out as soon as the mails sent with it are old.",
        lambda: {"PTRACK_SECRET_FALLBACKS": ["x" * 32]},
    ),
    (
        "ptrack.W002",
        {"MIDDLEWARE": []},
        f'Add "{MIDDLEWARE}" to MIDDLEWARE, right after SecurityMiddleware.',
        lambda: {
            "MIDDLEWARE": ["django.middleware.security.SecurityMiddleware", MIDDLEWARE]
        },
    ),
    (
        "ptrack.W002",
        {"MIDDLEWARE": []},
        (
            "If a mirror answers them, or a PtrackWSGIMiddleware around the site, "
            'add "ptrack.W002" to SILENCED_SYSTEM_CHECKS.'
        ),
        lambda: {"SILENCED_SYSTEM_CHECKS": ["ptrack.W002"]},
    ),
    (
        "ptrack.W003",
        {"PTRACK_APP_URL": "http://www.example.com"},
        "use https.",
        lambda: {"PTRACK_APP_URL": GOOD},
    ),
    (
        "ptrack.W007",
        {"PTRACK_HONOR_GPC": True},
        "Rename it to PTRACK_HONOUR_GPC, or take it out.",
        lambda: {"PTRACK_HONOUR_GPC": True},
    ),
    (
        "ptrack.W007",
        {"PTRACK_COLOUR": "red"},
        "give it a name that doesn't begin with PTRACK_.",
        lambda: {"COLOUR_OF_PTRACK": "red"},
    ),
    (
        "ptrack.W008",
        {"PTRACK_APP_URL": None},
        "Set it to the address under which mail clients reach the site.",
        lambda: {"PTRACK_APP_URL": GOOD},
    ),
    (
        "ptrack.W008",
        {"PTRACK_APP_URL": None},
        'add "ptrack.W008" to SILENCED_SYSTEM_CHECKS.',
        lambda: {"SILENCED_SYSTEM_CHECKS": ["ptrack.W008"]},
    ),
    (
        "ptrack.W009",
        {"PTRACK_BACKGROUND_QUEUE": "pixels"},
        'Set PTRACK_BACKGROUND to "celery" or "tasks", or leave the setting out.',
        lambda: {"PTRACK_BACKGROUND": CELERY},
    ),
    (
        "ptrack.W009",
        {"PTRACK_STATS_KEY": "recipient"},
        'Add "ptrack.stats" to INSTALLED_APPS, or leave the setting out.',
        lambda: {"PTRACK_STATS_KEY": LEFT_OUT},
    ),
]
# Those with a test of their own, below or in the file.
OTHERS = {
    "ptrack.E011": "below",
    "ptrack.E012": "below",
    "ptrack.E015": "below",
    "ptrack.W004": "below",
    "ptrack.W005": "tests/test_discovery.py",
    "ptrack.W006": "tests/test_discovery.py",
}
NAMES_OF_MISTAKES = {"PTRACK_HONOR_GPC", "PTRACK_COLOUR"}


@pytest.mark.usefixtures("recorder")
@pytest.mark.parametrize(
    ("check", "bad", "hint", "follow"), HINTS, ids=[each[0] for each in HINTS]
)
def test_hint_that_is_followed_ends_the_message(check, bad, hint, follow):
    found = find_hints(**bad)
    assert set(found) == {check}
    assert hint in found[check]
    rest = {name: value for name, value in bad.items() if name not in NAMES_OF_MISTAKES}
    assert find_hints(**{**rest, **follow()}) == {}


@pytest.mark.parametrize("follows", ["celery", "leaves out"])
def test_hint_about_the_background_ends_the_message(follows: str):
    with empty_tracker(ptrack.tracker):

        @ptrack.tracker.register
        class Slow(ptrack.TrackingPixel):
            background = True

            def record(self, request: Any, *args: Any, **kwargs: Any) -> None: ...

        assert 'Set PTRACK_BACKGROUND to "celery"' in find_hints()["ptrack.W004"]
        if follows == "celery":
            assert find_hints(PTRACK_BACKGROUND=CELERY) == {}
            return
        ptrack.tracker.unregister(Slow)
        Slow.background = False
        ptrack.tracker.register(Slow)
        assert find_hints() == {}


@pytest.fixture
def stats(stats_installed: None) -> Iterator[None]:  # noqa: F811 - the fixture
    with register_recorder(ptrack.tracker):
        yield


@pytest.mark.usefixtures("stats")
@pytest.mark.parametrize(
    ("check", "name", "bad", "good"),
    [
        ("ptrack.E011", "PTRACK_STATS_KEY", "", ("recipient", LEFT_OUT)),
        ("ptrack.E012", "PTRACK_STATS_IP", "all", ("short", "full", LEFT_OUT)),
    ],
)
def test_hint_of_the_stats_ends_the_message(check, name, bad, good):
    assert find_hints(**{name: bad})[check].endswith("or leave it out.")
    for value in good:
        assert check not in find_hints(**{name: value})


@pytest.mark.usefixtures("stats")
def test_setting_of_the_stats_has_an_effect_once_the_app_is_installed():
    """It follows the hint of W009, whose other half is in the table."""
    assert "ptrack.W009" not in find_hints(PTRACK_STATS_KEY="recipient")


@pytest.fixture
def without_ipware(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Hide python-ipware, as if the extra weren't installed; an undo installs it."""
    for module in ("ptrack.stats.checks", "ptrack.conf"):
        monkeypatch.setattr(
            f"{module}.find_spec",
            lambda name: None if name == "python_ipware" else find_spec(name),
        )
    return monkeypatch


@pytest.mark.usefixtures("stats")
@pytest.mark.parametrize(
    ("check", "settings"),
    [
        ("ptrack.E015", {"PTRACK_STATS_IP": "short"}),
        ("ptrack.W009", {"PTRACK_TRUSTED_PROXIES": ["10.0.0.1"]}),
    ],
)
def test_extra_that_is_installed_ends_the_message(check, settings, without_ipware):
    assert "Run: pip install 'django-ptrack[agents]'" in find_hints(**settings)[check]
    without_ipware.undo()
    assert check not in find_hints(**settings)
    assert "python_ipware" in sys.modules or find_spec("python_ipware")


def test_every_check_has_a_test_of_its_hint_and_is_in_the_documentation():
    rows = re.findall(
        r"^\| (`ptrack\.\w\d{3}`.*?) \|", read_text("docs/operations.md"), re.MULTILINE
    )
    settings = [setting.id for setting in SETTINGS]
    assert rows[0] == "`ptrack.E001` to `ptrack.E012`"
    assert settings[:12] == [f"ptrack.E{number:03}" for number in range(1, 13)]
    documented = {*settings[:12], *(row.strip("`") for row in rows[1:])}
    tested = {check for check, *_ in HINTS} | OTHERS.keys()
    source = read_text("ptrack/checks.py") + read_text("ptrack/stats/checks.py")
    in_code = {*settings, *re.findall(r'"(ptrack\.[EW]\d{3})"', source)}
    assert documented == tested == in_code
