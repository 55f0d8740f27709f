"""ptrack.opens.recording: a hit becomes a row, whoever delivers it."""

from datetime import UTC, datetime

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import AsyncClient, Client, override_settings

import ptrack
from ptrack.requests import PixelRequest
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.recording import emptied
from tests.stats.site import in_threads, request_of

pytestmark = pytest.mark.usefixtures("opens")
HOST = "https://www.example.com"


@pytest.fixture
def recording():
    from ptrack.opens import recording

    with emptied(ptrack.tracker):
        ptrack.tracker.register(recording.RecordOpen)
        ptrack.tracker.register(recording.RecordClick)
        yield recording


@pytest.fixture
def models():
    from ptrack.opens import models

    return models


def path(url: str) -> str:
    return url.removeprefix(HOST)


def test_an_open_is_a_row(recording, models):
    before = datetime.now(UTC)
    url = ptrack.pixel_url("a", 1, recipient="ada", campaign=7)
    Client().get(path(url), headers={"user-agent": "Agent/1 \xfc"})
    (row,) = models.Open.objects.all()
    assert row.args == ["a", 1]
    assert row.kwargs == {"recipient": "ada", "campaign": 7}
    assert (row.key, row.user_agent, row.ip) == ("ada", "Agent/1 \xfc", None)
    assert before <= row.at <= datetime.now(UTC)
    assert row.id.version == 7
    assert row.id.int >> 80 == int(row.at.timestamp() * 1000)
    assert not models.Click.objects.exists()


def test_a_click_is_a_row_of_its_own_table(recording, models):
    url = ptrack.link_url("https://shop.example/?a=ü", recipient="ada")
    assert Client().get(path(url)).status_code == 302
    (row,) = models.Click.objects.all()
    assert (row.url, row.key, row.args) == ("https://shop.example/?a=ü", "ada", [])
    assert not models.Open.objects.exists()


async def aget(url: str) -> int:
    return (await AsyncClient().get(path(url))).status_code


def test_an_open_in_an_event_loop_is_a_row(recording, models):
    from asgiref.sync import async_to_sync

    assert async_to_sync(aget)(ptrack.pixel_url(recipient="ada")) == 200
    assert [row.key for row in models.Open.objects.all()] == ["ada"]


def test_an_open_outside_of_djangos_requests_is_a_row(recording, models):
    """Through the WSGI middleware, in a thread of its own."""
    site = PtrackWSGIMiddleware(None)
    environ = PixelRequest.blank(path(ptrack.pixel_url(recipient="ada"))).environ
    in_threads(1, lambda _: site(environ, lambda status, headers: None))
    assert [row.key for row in models.Open.objects.all()] == ["ada"]


def test_keywords_may_have_any_names(recording, models):
    """Those of the callback's own parameters too."""
    names = ("self", "request", "url", "args", "kwargs", "key", "id")
    kwargs = dict.fromkeys(names, "x")
    Client().get(path(ptrack.pixel_url(**kwargs)))
    assert [row.kwargs for row in models.Open.objects.all()] == [kwargs]


def test_what_no_database_takes_is_replaced(recording, models):
    url = ptrack.pixel_url("a\0b", recipient="ada\ud800", n=10**40, f=1e300)
    Client().get(path(url), headers={"user-agent": "x\0y"})
    (row,) = models.Open.objects.all()
    assert row.args == ["a\ufffdb"]
    assert row.key == "ada\ufffd"
    assert row.kwargs == {"recipient": "ada\ufffd", "n": 10**40, "f": 10**300}
    assert row.user_agent == "x\ufffdy"


@pytest.mark.parametrize("agent", ["x" * 100_000, "\x80\xff", "", "\ud800", "😀"])
def test_user_agents_are_whole(recording, models, agent):
    recording.RecordOpen().record(request_of(agent))
    (row,) = models.Open.objects.all()
    assert row.user_agent == agent.replace("\ud800", "\ufffd")


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (None, None),
        (False, None),
        ("short", "192.0.2.0"),
        (True, "192.0.2.0"),
        ("full", "192.0.2.77"),
    ],
)
def test_an_address_is_kept_if_the_settings_ask_for_it(recording, models, asked, kept):
    with override_settings(PTRACK_OPENS_IP=asked):
        recording.RecordOpen().record(request_of(REMOTE_ADDR="192.0.2.77"))
    assert [row.ip for row in models.Open.objects.all()] == [kept]


@override_settings(PTRACK_OPENS_IP="full", PTRACK_TRUSTED_PROXIES=["10.0.0.0/8"])
def test_an_address_is_the_clients_behind_a_proxy(recording, models):
    forwarded = {"HTTP_X_FORWARDED_FOR": "2001:db8::7", "REMOTE_ADDR": "10.1.2.3"}
    recording.RecordOpen().record(request_of(**forwarded))
    recording.RecordOpen().record(request_of(REMOTE_ADDR=""))
    found = set(models.Open.objects.values_list("ip", flat=True))
    assert found == {"2001:db8::7", None}


@override_settings(PTRACK_OPENS_KEY="campaign")
def test_the_key_is_the_keyword_of_the_settings(recording, models):
    recording.RecordOpen().record(request_of(), recipient="ada", campaign=7)
    assert [row.key for row in models.Open.objects.all()] == ["7"]


@override_settings(PTRACK_OPENS_KEY=7)
def test_a_bad_setting_is_an_error_that_says_so(recording):
    with pytest.raises(ImproperlyConfigured, match="PTRACK_OPENS_KEY must be the name"):
        recording.RecordOpen().record(request_of())


def test_the_same_request_again_is_the_same_row(recording, models):
    request = request_of()
    recording.RecordOpen().record(request, recipient="ada")
    recording.RecordOpen().record(request, recipient="ada")
    assert models.Open.objects.count() == 1


def test_a_subclass_says_what_is_kept(recording, models):
    class Fewer(recording.RecordOpen):
        def fields(self, request, /, *args, **kwargs):
            if kwargs.pop("test", False):
                return None
            found = super().fields(request, *args, **kwargs)
            return {**found, "user_agent": "", "kwargs": {"recipient": "hidden"}}

    Fewer().record(request_of("Agent"), recipient="ada", test=True)
    assert not models.Open.objects.exists()
    Fewer().record(request_of("Agent"), recipient="ada", sent=1)
    (row,) = models.Open.objects.all()
    assert (row.user_agent, row.kwargs, row.key) == (
        "",
        {"recipient": "hidden"},
        "hidden",
    )


def test_a_subclass_says_what_is_kept_of_clicks(recording, models):
    class Some(recording.RecordClick):
        def fields(self, request, url, /, *args, **kwargs):
            if "secret" in url:
                return None
            return {"url": url.partition("?")[0]}

    Some().record(request_of("Agent"), "https://shop.example/?secret=1")
    Some().record(request_of("Agent"), "https://shop.example/?a=1")
    (row,) = models.Click.objects.all()
    assert (row.url, row.user_agent) == ("https://shop.example/", "")
    assert (row.args, row.kwargs, row.key) == ([], {}, None)


def test_none_where_it_cannot_be_is_an_error(recording, models):
    """SQLite would leave the row out without a word."""

    class Wrong(recording.RecordOpen):
        def fields(self, request, /, *args, **kwargs):
            return {"user_agent": None}

    with pytest.raises(ValueError, match="user_agent can't be None"):
        Wrong().record(request_of())


def test_the_name_of_a_row_tells_nobody_who_it_was(recording, models):
    recording.RecordOpen().record(request_of("Agent"), recipient="ada")
    (row,) = models.Open.objects.all()
    assert "ada" not in repr(row)
    assert str(row) == f"{row.at:%Y-%m-%d %H:%M:%S}"
