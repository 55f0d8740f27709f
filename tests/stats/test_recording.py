"""ptrack.stats.recording: a hit becomes a row, through any adapter."""

import html
from datetime import UTC, datetime

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import AsyncClient, Client, override_settings

import ptrack
from ptrack.requests import PixelRequest
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.recording import empty_tracker
from tests.stats.site import make_request, run_in_threads

pytestmark = pytest.mark.usefixtures("stats")
HOST = "https://www.example.com"


@pytest.fixture
def recording():
    from ptrack.stats import recording

    with empty_tracker(ptrack.tracker):
        ptrack.tracker.register(recording.RecordOpen)
        ptrack.tracker.register(recording.RecordClick)
        yield recording


@pytest.fixture
def models():
    from ptrack.stats import models

    return models


def find_path(url: str) -> str:
    return url.removeprefix(HOST)


def test_open_is_a_row(recording, models):
    before = datetime.now(UTC)
    url = ptrack.pixel_url("a", 1, recipient="ada", campaign=7)
    Client().get(find_path(url), headers={"user-agent": "Agent/1 \xfc"})
    (row,) = models.Open.objects.all()
    assert row.args == ["a", 1]
    assert row.kwargs == {"recipient": "ada", "campaign": 7}
    assert (row.key, row.user_agent, row.ip) == ("ada", "Agent/1 \xfc", None)
    assert before <= row.at <= datetime.now(UTC)
    assert row.id.version == 7
    assert row.id.int >> 80 == int(row.at.timestamp() * 1000)
    assert not models.Click.objects.exists()


def test_click_is_a_row_of_its_own_table(recording, models):
    url = ptrack.link_url("https://shop.example/?a=ü", recipient="ada")
    assert Client().get(find_path(url)).status_code == 302
    (row,) = models.Click.objects.all()
    assert (row.url, row.key, row.args) == ("https://shop.example/?a=ü", "ada", [])
    assert not models.Open.objects.exists()


async def aget(url: str) -> int:
    return (await AsyncClient().get(find_path(url))).status_code


def test_open_in_an_event_loop_is_a_row(recording, models):
    from asgiref.sync import async_to_sync

    assert async_to_sync(aget)(ptrack.pixel_url(recipient="ada")) == 200
    assert [row.key for row in models.Open.objects.all()] == ["ada"]


def test_open_outside_of_djangos_requests_is_a_row(recording, models):
    """It comes through the WSGI middleware, in another thread."""
    site = PtrackWSGIMiddleware(None)
    environ = PixelRequest.blank(find_path(ptrack.pixel_url(recipient="ada"))).environ
    run_in_threads(1, lambda _: site(environ, lambda status, headers: None))
    assert [row.key for row in models.Open.objects.all()] == ["ada"]


def test_keywords_may_have_any_names(recording, models):
    """They may have the names of the callback's parameters too."""
    names = ("self", "request", "url", "args", "kwargs", "key", "id")
    kwargs = dict.fromkeys(names, "x")
    Client().get(find_path(ptrack.pixel_url(**kwargs)))
    assert [row.kwargs for row in models.Open.objects.all()] == [kwargs]


def test_characters_that_no_database_takes_are_replaced(recording, models):
    url = ptrack.pixel_url("a\0b", recipient="ada\ud800", n=10**40, f=1e300)
    Client().get(find_path(url), headers={"user-agent": "x\0y"})
    (row,) = models.Open.objects.all()
    assert row.args == ["a\ufffdb"]
    assert row.key == "ada\ufffd"
    assert row.kwargs == {"recipient": "ada\ufffd", "n": 10**40, "f": 10**300}
    assert row.user_agent == "x\ufffdy"


@pytest.mark.parametrize("agent", ["x" * 1000, "\x80\xff", "", "\ud800", "😀"])
def test_user_agents_are_whole(recording, models, agent):
    recording.RecordOpen().record(make_request(agent))
    (row,) = models.Open.objects.all()
    assert row.user_agent == agent.replace("\ud800", "\ufffd")


def test_long_user_agent_is_cut(recording, models):
    recording.RecordOpen().record(make_request("x" * 999 + "yz" * 1_000_000))
    (row,) = models.Open.objects.all()
    assert row.user_agent == "x" * 999 + "y"


@pytest.mark.parametrize(
    ("setting", "kept"),
    [
        (None, None),
        (False, None),
        ("short", "192.0.2.0"),
        (True, "192.0.2.0"),
        ("full", "192.0.2.77"),
    ],
)
def test_address_is_kept_if_the_settings_ask_for_it(recording, models, setting, kept):
    with override_settings(PTRACK_STATS_IP=setting):
        recording.RecordOpen().record(make_request(REMOTE_ADDR="192.0.2.77"))
    assert [row.ip for row in models.Open.objects.all()] == [kept]


@override_settings(PTRACK_STATS_IP="full", PTRACK_TRUSTED_PROXIES=["10.0.0.0/8"])
def test_address_behind_a_proxy_is_the_clients(recording, models):
    forwarded = {"HTTP_X_FORWARDED_FOR": "2001:db8::7", "REMOTE_ADDR": "10.1.2.3"}
    recording.RecordOpen().record(make_request(**forwarded))
    recording.RecordOpen().record(make_request(REMOTE_ADDR=""))
    found = set(models.Open.objects.values_list("ip", flat=True))
    assert found == {"2001:db8::7", None}


@override_settings(PTRACK_STATS_KEY="campaign")
def test_key_is_the_keyword_of_the_settings(recording, models):
    recording.RecordOpen().record(make_request(), recipient="ada", campaign=7)
    assert [row.key for row in models.Open.objects.all()] == ["7"]


@override_settings(PTRACK_STATS_KEY=7)
def test_bad_setting_is_an_error(recording):
    with pytest.raises(ImproperlyConfigured, match="PTRACK_STATS_KEY must be the name"):
        recording.RecordOpen().record(make_request())


def test_same_request_again_is_the_same_row(recording, models):
    request = make_request()
    recording.RecordOpen().record(request, recipient="ada")
    recording.RecordOpen().record(request, recipient="ada")
    assert models.Open.objects.count() == 1


def test_subclass_chooses_the_values(recording, models):
    class Fewer(recording.RecordOpen):
        def get_fields(self, request, /, *args, **kwargs):
            if kwargs.pop("test", False):
                return None
            found = super().get_fields(request, *args, **kwargs)
            return {**found, "user_agent": "", "kwargs": {"recipient": "hidden"}}

    Fewer().record(make_request("Agent"), recipient="ada", test=True)
    assert not models.Open.objects.exists()
    Fewer().record(make_request("Agent"), recipient="ada", sent=1)
    (row,) = models.Open.objects.all()
    assert (row.user_agent, row.kwargs, row.key) == (
        "",
        {"recipient": "hidden"},
        "hidden",
    )


def test_subclass_chooses_the_values_of_clicks(recording, models):
    class Some(recording.RecordClick):
        def get_fields(self, request, url, /, *args, **kwargs):
            if "secret" in url:
                return None
            return {"url": url.partition("?")[0]}

    Some().record(make_request("Agent"), "https://shop.example/?secret=1")
    Some().record(make_request("Agent"), "https://shop.example/?a=1")
    (row,) = models.Click.objects.all()
    assert (row.url, row.user_agent) == ("https://shop.example/", "")
    assert (row.args, row.kwargs, row.key) == ([], {}, None)


def test_none_in_a_field_without_null_is_an_error(recording, models):
    """The error of the database would show all values of the row."""

    class Wrong(recording.RecordOpen):
        def get_fields(self, request, /, *args, **kwargs):
            return {"user_agent": None}

    with pytest.raises(ValueError, match="user_agent can't be None"):
        Wrong().record(make_request())


def test_name_of_a_row_has_no_personal_data(recording, models):
    recording.RecordOpen().record(make_request("Agent"), recipient="ada")
    (row,) = models.Open.objects.all()
    assert "ada" not in repr(row)
    assert str(row) == f"{row.at:%Y-%m-%d %H:%M:%S}"


def nest(depth: int, key: str = "in"):
    value: object = "bottom"
    for _ in range(depth):
        value = {key: [value]}
    return value


ODD = {
    "deep list": [nest(450)],
    "deep names": nest(450, "\ud800\0"),
    "bottomless": nest(20_000),
    "wide": list(range(20_000)),
    "wide object": {f"n{number}": [] for number in range(5_000)},
    "huge": 10**10_000,
    "as long as a limit may be": -(10**640) + 1,
    "not a number": float("nan"),
    "smallest": 5e-324,
    "long": "\U0001f600" * 100_000,
    "long name": {"x" * 100_000: 1},
    "halves": {"\ud83d\0\ude00": {"\udfff": "\ud800"}},
    "bytes": b"\xff\0",
}


@pytest.mark.parametrize("name", ODD)
def test_any_value_is_a_row_that_the_admin_shows(recording, models, staff, name):
    """As an argument, within one, and as the key: nothing of it may lose the hit."""
    from ptrack.stats.rekeying import rekey

    value = ODD[name]
    kwargs = {"recipient": value, "within": {"a": [value]}}
    recording.RecordOpen().record(make_request(), value, [value], **kwargs)
    url = "https://shop.example/"
    recording.RecordClick().record(make_request(), url, value, **kwargs)
    for model in (models.Open, models.Click):
        (row,) = model.objects.all()
        assert 1 < len(row.key) <= 200
        assert rekey(model) == 0
        admin = f"/admin/ptrack_stats/{model._meta.model_name}/"
        for path in (admin, f"{admin}{row.pk}/change/"):
            response = staff.get(path, {"q": row.key} if path == admin else {})
            assert response.status_code == 200
            assert row.key[:3] in html.unescape(response.content.decode())


@pytest.mark.parametrize("name", sorted({"url", "user_agent", "ip"}))
@pytest.mark.parametrize("value", ["x" * 1_000_000, "a\0\ud800", 7, "::1%\0", "1.2.3"])
def test_any_value_of_a_subclass_is_a_row(recording, models, name, value):
    class Other(recording.RecordClick):
        def get_fields(self, request, url, /, *args, **kwargs):
            return {**super().get_fields(request, url, *args, **kwargs), name: value}

    Other().record(make_request(), "https://shop.example/", recipient="ada")
    (row,) = models.Click.objects.all()
    expected = str(value).replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    if name == "ip":
        expected = "::1" if value == "::1%\0" else None
    assert getattr(row, name) == expected
