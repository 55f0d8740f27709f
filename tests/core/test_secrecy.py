"""No secret or key comes out anywhere, and no token or recipient in a log record.

Error trackers send the variables of each frame of a traceback. The tests look at the
frames of ptrack; those of a site's own callback hold its arguments, of course.
"""

import json
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from webtest import TestApp as WebTest

import ptrack
from ptrack import asgi, conf, endpoints
from ptrack.asgi import PtrackASGIMiddleware
from ptrack.background.worker import perform
from ptrack.core.hits import Hit
from ptrack.core.jobs import read_job, write_job
from ptrack.core.kinds import LINK, PIXEL
from ptrack.core.tokens import TokenBox
from ptrack.exceptions import PtrackConfigurationError, PtrackTokenError
from ptrack.middleware import PtrackMiddleware
from ptrack.requests import PixelRequest
from ptrack.wsgi import PtrackWSGIMiddleware, filter_factory, mirror
from tests.adapters import Request, make_environ, send_through_asgi
from tests.core.endpoints import BOX as ENDPOINT_BOX
from tests.core.endpoints import JsonEncoder, both_encoders, make_endpoint
from tests.recording import empty_tracker

SECRET, OLD = "TOP-SECRET", "OLD-SECRET"
BAD, BAD_OLD = SECRET * 4, OLD * 4
RECIPIENT = "ada@example.com"
KEYS = [(each.encode().ljust(32, b"{")) for each in (SECRET, OLD)]


def find_variables(error: BaseException | None) -> Iterator[tuple[str, str, Any]]:
    """Yield module, name and value of each local variable that error trackers show."""
    while error is not None:
        trace = error.__traceback__
        while trace is not None:
            module = trace.tb_frame.f_globals["__name__"]
            for name, value in trace.tb_frame.f_locals.items():
                yield module, name, value
            trace = trace.tb_next
        # No error tracker shows a suppressed context.
        context = None if error.__suppress_context__ else error.__context__
        error = error.__cause__ or context


def show_ptrack(error: BaseException) -> str:
    """Return the variables of ptrack's frames, and the text of the error."""
    found = [
        f"{name} = {value!r}"
        for module, name, value in find_variables(error)
        if module.partition(".")[0] == "ptrack"
    ]
    return "\n".join([*found, str(error), repr(error)])


def catch(call: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception, match=r".") as caught:
        call()
    return caught.value


def assert_without_secrets(text: str) -> None:
    assert SECRET not in text
    assert OLD not in text
    for key in KEYS:
        assert repr(key) not in text
        assert key.hex() not in text


# -- secrets in tracebacks ------------------------------------------------------------

WSGI, ASGI = PtrackWSGIMiddleware, PtrackASGIMiddleware
GOOD: dict[str, Any] = {"secret": SECRET, "secret_fallbacks": [OLD]}
BOX = TokenBox(SECRET, [OLD])
CALLS: dict[str, Callable[[], object]] = {
    **{
        f"{name}, {way}": lambda make=make, options=options: make(**options)
        for name, options in {
            "bad secret": {"secret": BAD},
            "bad secret, good fallback": {"secret": BAD, "secret_fallbacks": [OLD]},
            "bad type of secret": {"secret": [SECRET]},
            "bad fallback": {**GOOD, "secret_fallbacks": [OLD, BAD_OLD]},
            "one fallback": {**GOOD, "secret_fallbacks": OLD},
            "fallbacks by name": {**GOOD, "secret_fallbacks": {OLD: OLD}},
            "bad app URL": {**GOOD, "app_url": "x"},
            "bad prefix": {**GOOD, "prefix": 1},
            "bad link fallback": {**GOOD, "link_fallback_url": "x"},
            "bad link query": {**GOOD, "link_query": 1},
            "bad switch": {**GOOD, "honour_gpc": 1},
            "bad engine": {**GOOD, "background": 1},
            "missing engine": {**GOOD, "background": "no.such.Engine"},
            "bad queue": {**GOOD, "background_queue": 1},
            "bad pixels": {**GOOD, "pixels": "no.such"},
            "unknown option": {**GOOD, "secrets": OLD},
        }.items()
        for way, make in {
            "WSGI": lambda **options: WSGI(None, **options),
            "ASGI": lambda **options: ASGI(None, **options),
            "WSGI mirror": mirror,
            "ASGI mirror": asgi.mirror,
        }.items()
    },
    "bad filter": lambda: filter_factory({}, secret=BAD, secret_fallbacks=OLD)(None),
    "bad option of a filter": lambda: filter_factory(
        {}, secret=SECRET, secret_fallbacks=OLD, honour_gpc="x"
    )(None),
    "bad box": lambda: TokenBox(BAD, [OLD]),
    "box with a bad fallback": lambda: TokenBox(SECRET, [OLD, BAD_OLD]),
    "purpose that is too long": lambda: BOX.derive(b"x" * 17),
    "encryption of an object": lambda: BOX.encrypt(object()),
    "encryption of too much": lambda: BOX.encrypt("x" * 9000),
    "decryption of garbage": lambda: BOX.decrypt("garbage"),
    "decryption of a forgery": lambda: BOX.decrypt("A" * 64),
    "bad check": lambda: conf.Configuration({"PTRACK_SECRET": BAD}).check(),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_frame_of_ptrack_holds_a_secret_when_a_call_fails(name: str):
    assert_without_secrets(show_ptrack(catch(CALLS[name])))


@pytest.mark.parametrize("secret", [BAD, BAD.encode(), f"{SECRET}\ud800"])
def test_no_frame_of_ptrack_holds_a_secret_when_a_setting_is_bad(secret: str | bytes):
    settings = {"PTRACK_SECRET": secret, "PTRACK_SECRET_FALLBACKS": [OLD]}
    calls = (
        ptrack.pixel_url,
        ptrack.pixel_tag,
        ptrack.PtrackEncoder.encrypt,
        lambda: ptrack.PtrackEncoder.decrypt("x"),
        lambda: PtrackMiddleware(lambda request: HttpResponse()),
        mirror,
    )
    for call in calls:
        with override_settings(**settings):
            error = catch(call)
        assert isinstance(error, ImproperlyConfigured | PtrackConfigurationError)
        assert_without_secrets(show_ptrack(error))


def test_no_frame_of_ptrack_holds_a_secret_when_a_variable_is_bad(
    outside_django, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PTRACK_SECRET", SECRET)
    monkeypatch.setenv("PTRACK_SECRET_FALLBACKS", json.dumps([OLD, BAD_OLD]))
    for call in (ptrack.pixel_url, ptrack.PtrackEncoder.encrypt, mirror):
        assert_without_secrets(show_ptrack(catch(call)))


def test_bad_configuration_shows_no_secret_as_itself():
    for name, value in {
        "PTRACK_SECRET": BAD,
        "PTRACK_SECRET_FALLBACKS": [OLD, BAD_OLD],
    }.items():
        configuration = conf.Configuration({"PTRACK_SECRET": SECRET, name: value})
        assert_without_secrets(repr(configuration))
        assert_without_secrets(
            show_ptrack(catch(lambda c=configuration: endpoints.build(c)))
        )
        assert_without_secrets(conf.find_problem(name, value))


def test_error_of_decryption_brings_no_frame_of_the_library_that_holds_keys():
    error = catch(lambda: TokenBox(SECRET).decrypt("A" * 64))
    assert isinstance(error, PtrackTokenError)
    assert "nacl" not in {
        module.partition(".")[0] for module, _, _ in find_variables(error)
    }


# -- reprs ----------------------------------------------------------------------------


def test_no_repr_shows_a_secret():
    tracking = PtrackWSGIMiddleware(None, **GOOD)
    with override_settings(PTRACK_SECRET=SECRET, PTRACK_SECRET_FALLBACKS=[OLD]):
        middleware = PtrackMiddleware(lambda request: HttpResponse())
        configuration, endpoint = conf.read_django(), endpoints.get_django_endpoint()
    shown = [
        tracking,
        vars(tracking),
        middleware,
        vars(middleware),
        configuration,
        endpoint,
        vars(endpoint),
        TokenBox(SECRET, [OLD]),
        filter_factory({}, prefix="/p/"),
        BOX.derive(b"one"),
        conf.Configuration(dict.fromkeys(["PTRACK_SECRET"], SECRET)),
    ]
    for each in shown:
        assert_without_secrets(f"{each!r} {each!s}")


# -- messages -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        (RECIPIENT,),
        {RECIPIENT},
        RECIPIENT.encode(),
        [{"to": {1: RECIPIENT}}],
        [RECIPIENT, float("nan")],
        f"{RECIPIENT}\ud83d\ude00",
        RECIPIENT * 600,
    ],
)
def test_error_names_an_argument_and_shows_no_value(value: Any):
    error = catch(lambda: ptrack.pixel_url(to=value))
    assert RECIPIENT not in str(error)


# -- tokens in tracebacks -------------------------------------------------------------


def find_texts(error: BaseException) -> list[str]:
    """Return the texts among the variables of ptrack's frames."""
    return [
        value
        for module, _, value in find_variables(error)
        if module.startswith("ptrack.") and isinstance(value, str)
    ]


each_kind = pytest.mark.parametrize(
    ("kind", "target"),
    [(PIXEL, None), (LINK, "https://h.example/")],
    ids=["pixel", "link"],
)


@each_kind
@both_encoders
def test_no_frame_of_ptrack_holds_a_token_when_there_is_no_app_url(
    encoder, kind, target
):
    place = make_endpoint(encoder, app_url="")
    texts = find_texts(catch(lambda: place.url(kind, ["a"], {}, target)))
    assert not any(place.read(kind.segment + each) for each in texts)


@each_kind
def test_no_frame_of_ptrack_holds_a_token_that_is_too_long(kind, target):
    texts = find_texts(
        catch(lambda: make_endpoint().url(kind, ["x" * 9000], {}, target))
    )
    assert all(len(each) < 1000 for each in texts)


@each_kind
def test_no_frame_of_ptrack_holds_a_custom_encoders_token_that_is_too_long(
    kind, target
):
    tokens = []

    class LongEncoder(JsonEncoder):
        @staticmethod
        def encrypt(*args: Any, **kwargs: Any) -> str:
            tokens.append(JsonEncoder.encrypt(*args, "x" * 9000))
            return tokens[-1]

    texts = find_texts(
        catch(lambda: make_endpoint(LongEncoder).url(kind, ["a"], {}, target))
    )
    assert len(tokens) == 1
    assert not set(texts) & set(tokens)


@each_kind
def test_no_frame_of_ptrack_holds_a_token_when_a_custom_encoder_fails(kind, target):
    class FailingEncoder(JsonEncoder):
        @staticmethod
        def encrypt(*args: Any, **kwargs: Any) -> str:
            raise LookupError("no")

    place = make_endpoint(FailingEncoder)
    texts = find_texts(catch(lambda: place.url(kind, ["a"], {}, target)))
    box = ENDPOINT_BOX.derive(b"ptrack link")
    for each in texts:
        with pytest.raises(PtrackTokenError):
            box.decrypt(each)


def make_job(**changes: Any) -> str:
    """Return the job of a hit, some of it changed."""
    request = PixelRequest(make_environ(Request(path=b"/ptrack/the-token/")))
    job = json.loads(write_job("x", Hit(PIXEL, request, [RECIPIENT], {})))
    return json.dumps({**job, **changes})


@pytest.mark.parametrize(
    "job",
    [
        make_job(kind="a later kind"),
        make_job(at="never"),
        make_job()[:-1],
    ],
    ids=["unknown kind", "bad time", "cut"],
)
def test_no_frame_of_ptracks_core_holds_a_job_that_cannot_be_read(job: str):
    """It has the path of its request, and with that the token."""
    error = catch(lambda: read_job(job))
    assert isinstance(error, ValueError)
    shown = show_ptrack(error)
    assert "the-token" not in shown
    assert RECIPIENT not in shown


@pytest.mark.parametrize("callback", ["no.such", f"{__name__}.Narrow"])
def test_no_frame_of_ptrack_holds_a_job_that_could_not_be_done(callback: str, failing):
    shown = show_ptrack(catch(lambda: perform(make_job(callback=callback))))
    assert "the-token" not in shown
    assert RECIPIENT not in shown


# -- records --------------------------------------------------------------------------


class Failing(ptrack.TrackingPixel):
    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        raise LookupError("on purpose")


class FailingAsync(ptrack.TrackingPixel):
    async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        raise LookupError("on purpose")


class Narrow(ptrack.TrackingPixel):
    """Takes nothing, so that a call fails before it has a frame."""

    def record(self) -> None:
        raise AssertionError("never called")


class Awaited(ptrack.TrackingPixel):
    """A sync method that returns a coroutine."""

    def record(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return FailingAsync().record(request)


@pytest.fixture
def failing() -> Iterator[None]:
    """Register callbacks that fail, and no others."""
    with empty_tracker(ptrack.tracker):
        for pixel in (Failing, FailingAsync, Narrow, Awaited):
            ptrack.tracker.register(pixel)
        yield


async def get_async(path: str) -> Any:
    return await AsyncClient().get(path)


SENDERS: dict[str, Callable[[str], Any]] = {
    "sync": lambda path: Client().get(path),
    "async": async_to_sync(get_async),
    "wsgi": lambda path: WebTest(mirror()).get(path),
    "asgi": lambda path: send_through_asgi(asgi.mirror())(Request(path=path.encode())),
}


def do_everything(send: Callable[[str], Any]) -> str:
    """Cause every record of the log; return the valid token that was used."""
    url = ptrack.pixel_url(RECIPIENT)
    send(url.removeprefix("https://www.example.com"))
    ptrack.pixel_url("x" * 2000, RECIPIENT)
    send(f"/ptrack/{TokenBox('other').encrypt(RECIPIENT)}/")
    with override_settings(ROOT_URLCONF="tests.urlconfs.broken"):
        ptrack.pixel_url(RECIPIENT)
    return url.split("/")[-2]


@pytest.mark.parametrize("sender", SENDERS)
def test_no_record_shows_secret_token_or_recipient(sender: str, failing, caplog):
    """The test formats each with its traceback, and takes it apart as trackers do."""
    with override_settings(PTRACK_SECRET=SECRET, PTRACK_SECRET_FALLBACKS=[OLD]):
        token = do_everything(SENDERS[sender])
    records = [each for each in caplog.records if each.name == "ptrack"]
    said = [record.getMessage() for record in records]
    for part, times in {
        "failed": 4,
        "Not a token": 1,
        "characters; some mail clients": 1,
        "can't be imported": 1,
    }.items():
        assert sum(part in each for each in said) == times
    for record in records:
        shown = caplog.handler.format(record)
        if record.exc_info and record.exc_info[1]:
            shown += show_ptrack(record.exc_info[1])
        assert_without_secrets(shown)
        assert token not in shown
        assert RECIPIENT not in shown


@pytest.mark.parametrize("sender", SENDERS)
def test_traceback_of_a_failing_callback_begins_below_ptracks_frames(
    sender: str, failing, caplog
):
    """In the callback itself if it is sync; it is empty if a call wasn't possible."""
    url = ptrack.pixel_url(RECIPIENT)
    SENDERS[sender](url.removeprefix("https://www.example.com"))
    traces = {
        record.args[0].rpartition(".")[2]: traceback.extract_tb(record.exc_info[2])
        for record in caplog.records
        if record.name == "ptrack"
    }
    functions = {name: [each.name for each in trace] for name, trace in traces.items()}
    assert list(functions) == ["Failing", "FailingAsync", "Narrow", "Awaited"]
    assert functions["Failing"] == ["record"]
    assert functions["Narrow"] == []
    assert functions["FailingAsync"][-1] == functions["Awaited"][-1] == "record"


# -- Django's debug page --------------------------------------------------------------


def broken_view(request: HttpRequest) -> HttpResponse:
    raise LookupError("on purpose")


def pixel_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse(ptrack.pixel_url())


urlpatterns = [path("broken/", broken_view), path("pixel/", pixel_view)]


@pytest.mark.parametrize(
    ("secret", "fallbacks", "page"),
    [
        (SECRET, [OLD], "broken"),
        (SECRET.encode(), (OLD.encode(),), "broken"),
        (BAD, [OLD], "pixel"),
        (SECRET, [OLD, BAD_OLD], "pixel"),
    ],
)
def test_debug_page_of_django_shows_no_secret(secret, fallbacks, page):
    """Its table of settings and the variables of ptrack's frames have none."""
    with override_settings(
        DEBUG=True,
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[],
        PTRACK_SECRET=secret,
        PTRACK_SECRET_FALLBACKS=fallbacks,
    ):
        response = Client(raise_request_exception=False).get(f"/{page}/")
    text = response.content.decode()
    assert response.status_code == 500
    for name in ("PTRACK_SECRET", "PTRACK_SECRET_FALLBACKS"):
        cell = re.search(rf"<td>{name}</td>\s*<td[^>]*><pre>(.*?)</pre>", text)
        assert cell, f"{name} isn't in the table"
        assert "*****" in cell[1]
    assert_without_secrets(text)
    if page == "pixel":
        assert "_renew_django_endpoint" in text, "the frames of ptrack aren't there"
