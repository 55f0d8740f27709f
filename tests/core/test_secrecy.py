"""What must not come out: secrets and keys anywhere, tokens and recipients in records.

Error trackers send along what each frame of a traceback holds. The frames of ptrack are
looked at here; those of a site's own callback hold what it was called with, of course.
"""

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
from ptrack import asgi, conf
from ptrack.asgi import PtrackASGIMiddleware
from ptrack.core.tokens import TokenBox
from ptrack.exceptions import PtrackConfigurationError, PtrackTokenError
from ptrack.middleware import PtrackMiddleware
from ptrack.wsgi import PtrackWSGIMiddleware, filter_factory, mirror
from tests.adapters import Request, through_asgi
from tests.recording import emptied

SECRET, OLD = "TOP-SECRET", "OLD-SECRET"
BAD, BAD_OLD = SECRET * 4, OLD * 4
RECIPIENT = "ada@example.com"
KEYS = [(each.encode().ljust(32, b"{")) for each in (SECRET, OLD)]


def frames(error: BaseException | None) -> Iterator[tuple[str, str, Any]]:
    """Give module, name and value of every local variable an error tracker shows."""
    while error is not None:
        trace = error.__traceback__
        while trace is not None:
            module = trace.tb_frame.f_globals["__name__"]
            for name, value in trace.tb_frame.f_locals.items():
                yield module, name, value
            trace = trace.tb_next
        # What is suppressed is shown by nobody.
        context = None if error.__suppress_context__ else error.__context__
        error = error.__cause__ or context


def of_ptrack(error: BaseException) -> str:
    """Give what the frames of ptrack hold, and what the errors say."""
    found = [
        f"{name} = {value!r}"
        for module, name, value in frames(error)
        if module.partition(".")[0] == "ptrack"
    ]
    return "\n".join([*found, str(error), repr(error)])


def raised(call: Callable[[], object]) -> BaseException:
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

WSGI = PtrackWSGIMiddleware
CALLS: dict[str, Callable[[], object]] = {
    "bad secret": lambda: WSGI(None, BAD),
    "bad fallback": lambda: WSGI(None, SECRET, secret_fallbacks=[OLD, BAD_OLD]),
    "bad app URL": lambda: WSGI(None, SECRET, secret_fallbacks=[OLD], app_url="x"),
    "bad prefix": lambda: WSGI(None, SECRET, secret_fallbacks=[OLD], prefix=1),  # type: ignore[arg-type]
    "bad pixels": lambda: WSGI(None, SECRET, secret_fallbacks=[OLD], pixels="no.such"),
    "bad mirror": lambda: mirror(secret=BAD, secret_fallbacks=[OLD]),
    "bad secret, ASGI": lambda: PtrackASGIMiddleware(None, BAD),
    "bad mirror, ASGI": lambda: asgi.mirror(secret=BAD, secret_fallbacks=[OLD]),
    "bad filter": lambda: filter_factory({}, secret=BAD, secret_fallbacks=OLD)(None),
    "bad box": lambda: TokenBox(BAD, [OLD]),
    "box with a bad fallback": lambda: TokenBox(SECRET, [OLD, BAD_OLD]),
    "encryption of what can't be": lambda: TokenBox(SECRET, [OLD]).encrypt(object()),
    "encryption of too much": lambda: TokenBox(SECRET, [OLD]).encrypt("x" * 9000),
    "decryption of garbage": lambda: TokenBox(SECRET, [OLD]).decrypt("garbage"),
    "decryption of a forgery": lambda: TokenBox(SECRET, [OLD]).decrypt("A" * 64),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_frame_of_ptrack_holds_a_secret_when_a_call_fails(name: str):
    assert_without_secrets(of_ptrack(raised(CALLS[name])))


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
            error = raised(call)
        assert isinstance(error, ImproperlyConfigured | PtrackConfigurationError)
        assert_without_secrets(of_ptrack(error))


def test_no_frame_of_ptrack_holds_a_secret_when_a_variable_is_bad(
    outside_django, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PTRACK_SECRET", SECRET)
    monkeypatch.setenv("PTRACK_SECRET_FALLBACKS", f"{OLD},{BAD_OLD}")
    for call in (ptrack.pixel_url, ptrack.PtrackEncoder.encrypt, mirror):
        assert_without_secrets(of_ptrack(raised(call)))


def test_error_of_decryption_brings_no_frame_of_the_library_that_holds_keys():
    error = raised(lambda: TokenBox(SECRET).decrypt("A" * 64))
    assert isinstance(error, PtrackTokenError)
    assert "nacl" not in {module.partition(".")[0] for module, _, _ in frames(error)}


# -- reprs ----------------------------------------------------------------------------


def test_no_repr_shows_a_secret():
    tracking = PtrackWSGIMiddleware(None, SECRET, secret_fallbacks=[OLD])
    with override_settings(PTRACK_SECRET=SECRET, PTRACK_SECRET_FALLBACKS=[OLD]):
        middleware = PtrackMiddleware(lambda request: HttpResponse())
        configuration, endpoint = conf.from_django(), conf.django_endpoint()
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
    error = raised(lambda: ptrack.pixel_url(to=value))
    assert RECIPIENT not in str(error)


# -- records --------------------------------------------------------------------------


class Failing(ptrack.TrackingPixel):
    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        raise LookupError("on purpose")


class FailingAsync(ptrack.TrackingPixel):
    async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        raise LookupError("on purpose")


class Narrow(ptrack.TrackingPixel):
    """Takes nothing, so that calling it fails before any frame of its own."""

    def record(self) -> None:
        """Never gets here."""


class Awaited(ptrack.TrackingPixel):
    """A sync method that hides that it is async underneath."""

    def record(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return FailingAsync().record(request)


@pytest.fixture
def failing() -> Iterator[None]:
    with emptied(ptrack.tracker):
        for pixel in (Failing, FailingAsync, Narrow, Awaited):
            ptrack.tracker.register(pixel)
        yield


async def get_async(path: str) -> Any:
    return await AsyncClient().get(path)


SENDERS: dict[str, Callable[[str], Any]] = {
    "sync": lambda path: Client().get(path),
    "async": async_to_sync(get_async),
    "wsgi": lambda path: WebTest(mirror()).get(path),
    "asgi": lambda path: through_asgi(asgi.mirror())(Request(path=path.encode())),
}


def everything(send: Callable[[str], Any]) -> str:
    """Do all that is logged, and give the token of it that was valid."""
    url = ptrack.pixel_url(RECIPIENT)
    send(url.removeprefix("https://www.example.com"))
    ptrack.pixel_url("x" * 2000, RECIPIENT)
    send(f"/ptrack/{TokenBox('other').encrypt(RECIPIENT)}/")
    with override_settings(ROOT_URLCONF="tests.urlconfs.broken"):
        ptrack.pixel_url(RECIPIENT)
    return url.split("/")[-2]


@pytest.mark.parametrize("sender", SENDERS)
def test_no_record_shows_secret_token_or_recipient(sender: str, failing, caplog):
    """As formatted with its traceback, and as error trackers take it apart."""
    with override_settings(PTRACK_SECRET=SECRET, PTRACK_SECRET_FALLBACKS=[OLD]):
        token = everything(SENDERS[sender])
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
            shown += of_ptrack(record.exc_info[1])
        assert_without_secrets(shown)
        assert token not in shown
        assert RECIPIENT not in shown


@pytest.mark.parametrize("sender", SENDERS)
def test_traceback_of_a_failing_callback_begins_below_what_called_it(
    sender: str, failing, caplog
):
    """In the callback itself if it is sync, and nowhere if it couldn't be called."""
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
    """Neither in its table of settings nor in the variables of ptrack's frames."""
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
        assert "_renewed_django_endpoint" in text, "the frames of ptrack aren't there"
