"""Django's middlewares above ptrack: no header shows what a callback has read."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.sessions.backends.cache import SessionStore
from django.middleware.csrf import get_token
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.utils import translation
from django.utils.functional import SimpleLazyObject

import ptrack
from ptrack.core.answers import GIF
from ptrack.responses import take_state
from tests.stats.site import configure_sqlite, open_database

ABOVE = [
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
BY_MIDDLEWARE = {
    "MIDDLEWARE": [*ABOVE, "ptrack.middleware.PtrackMiddleware"],
    "ROOT_URLCONF": "tests.urlconfs.empty",
}
BY_URLS = {"MIDDLEWARE": ABOVE, "ROOT_URLCONF": "tests.urlconfs.beside"}

# Django doesn't look for a session of less than eight characters.
GARBAGE = "garbage-garbage"

Fetch = Callable[..., Any]


def fetch_sync(path: str, cookies: dict[str, str]) -> Any:
    client = Client()
    client.cookies.load(cookies)
    return client.get(path)


def fetch_async(path: str, cookies: dict[str, str]) -> Any:
    client = AsyncClient()
    client.cookies.load(cookies)
    return asyncio.run(client.get(path))


@pytest.fixture(params=[fetch_sync, fetch_async])
def fetch(request: pytest.FixtureRequest) -> Fetch:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def _no_language() -> Iterator[None]:
    """Leave no language active, as a server does after a request."""
    yield
    translation.deactivate()


@pytest.fixture(scope="module")
def database(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[None]:
    entry = configure_sqlite(tmp_path_factory.mktemp("headers") / "db.sqlite3")
    with django_db_blocker.unblock(), open_database(entry):
        yield


@pytest.fixture(params=[BY_MIDDLEWARE, BY_URLS], ids=["middleware", "urls"])
def site(request: pytest.FixtureRequest, database: None) -> Iterator[None]:
    with override_settings(**request.param, LANGUAGE_CODE="en"):
        yield


@pytest.fixture
def reader(site: None) -> Iterator[Any]:
    """Yield a reader of the site who is logged in."""
    from django.contrib.auth.models import User

    user = User.objects.create(username="ada")
    yield user
    user.delete()


@pytest.fixture
def callback() -> Iterator[Any]:
    """Yield a function that sets what the one callback does with its request."""
    does: list[Any] = []

    class Doing(ptrack.TrackingPixel):
        def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
            done.append(does[0](request))

    class DoingAsync(ptrack.TrackingPixel):
        async def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
            done.append(await sync_to_async(does[0])(request))

    done: list[Any] = []

    def use(function: Callable[[Any], Any]) -> list[Any]:
        does[:] = [function]
        return done

    for pixel in (Doing, DoingAsync):
        ptrack.tracker.register(pixel)
    yield use
    for pixel in (Doing, DoingAsync):
        ptrack.tracker.unregister(pixel)


def log_in(user: Any) -> dict[str, str]:
    client = Client()
    client.force_login(user)
    return {name: each.value for name, each in client.cookies.items()}


def show(response: Any) -> tuple[Any, ...]:
    """Return all that a client sees."""
    headers = sorted(response.headers.items())
    cookies = {name: dict(each) for name, each in response.cookies.items()}
    for each in cookies.values():
        # The next second may have begun.
        each["expires"] = bool(each["expires"])
    values = [each.value for each in response.cookies.values()]
    return response.status_code, headers, cookies, values, response.content


def make_path() -> str:
    return ptrack.pixel_url("a").removeprefix("https://www.example.com")


READS: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda request: None,
    "key": lambda request: request.session.session_key,
    "session": lambda request: request.session.get("shop"),
    "all of it": lambda request: dict(request.session.items()),
    "emptiness": lambda request: request.session.is_empty(),
    "user": lambda request: str(request.user),
    "language": lambda request: request.LANGUAGE_CODE,
    "another language": lambda request: translation.activate("de"),
    "no language": lambda request: translation.deactivate(),
}


@pytest.mark.parametrize("visitor", ["new", "logged in", "garbage"])
@pytest.mark.parametrize("saves", [False, True])
def test_valid_token_whose_callback_reads_looks_as_a_forged_one(
    fetch: Fetch, callback: Any, reader: Any, visitor: str, saves: bool
):
    cookies = {"garbage": {"sessionid": GARBAGE}, "new": {}}
    sent = log_in(reader) if visitor == "logged in" else cookies[visitor]
    # Then Django answers for a session that is gone with an error, whatever the token.
    with override_settings(SESSION_SAVE_EVERY_REQUEST=saves and visitor != "garbage"):
        for name, read in READS.items():
            done = callback(read)
            done.clear()
            forged = fetch("/ptrack/forged/", sent)
            assert done == []
            valid = fetch(make_path(), sent)
            assert show(valid) == show(forged), name
            assert valid.content == GIF
            assert len(done) == 2


def test_callback_reads_what_the_session_holds(
    fetch: Fetch, callback: Any, reader: Any
):
    done = callback(lambda request: str(request.user))
    fetch(make_path(), log_in(reader))
    assert done == ["ada", "ada"]


def test_session_that_a_callback_writes_is_saved(
    fetch: Fetch, callback: Any, site: Any
):
    """It was under django-ptrack 3.0.0. The cookie is there for a valid token alone."""

    def write(request: Any) -> None:
        request.session["seen"] = request.session.get("seen", 0) + 1

    callback(write)
    response = fetch(make_path(), {})
    (cookie,) = response.cookies.values()
    response = fetch(make_path(), {"sessionid": cookie.value})
    from django.contrib.sessions.backends.db import SessionStore

    assert SessionStore(cookie.value)["seen"] == 4
    assert fetch("/ptrack/forged/", {}).cookies.output() == ""


def test_session_that_a_callback_ends_is_ended(
    fetch: Fetch, callback: Any, reader: Any
):
    callback(lambda request: request.session.flush())
    response = fetch(make_path(), log_in(reader))
    assert response.cookies["sessionid"].value == ""


def add_message(request: Any) -> None:
    messages.info(request, "read")


WRITES: dict[str, Callable[[Any], Any]] = {
    "session": lambda request: request.session.update({"seen": 1}),
    "flag": lambda request: setattr(request.session, "modified", True),
    "clearing": lambda request: request.session.clear(),
    "end": lambda request: request.session.flush(),
    "another key": lambda request: request.session.cycle_key(),
    "log-out": logout,
    "a message": add_message,
    "CSRF token": get_token,
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_what_a_callback_writes_is_written_and_shows(
    fetch: Fetch, callback: Any, reader: Any, write: Any
):
    """The README lists it."""
    callback(write)
    sent = log_in(reader)
    assert fetch("/ptrack/forged/", sent).cookies.output() == ""
    assert fetch(make_path(), sent).cookies.output() != ""


def test_messages_that_a_callback_reads_are_used_up(
    fetch: Fetch, callback: Any, site: Any
):
    callback(add_message)
    sent = {"messages": fetch(make_path(), {}).cookies["messages"].value}
    done = callback(lambda request: len([*messages.get_messages(request)]))
    assert fetch("/ptrack/forged/", sent).cookies.output() == ""
    assert fetch(make_path(), sent).cookies["messages"].value == ""
    assert done[-2:] == [2, 2]


def test_user_whose_password_has_changed_shows(
    fetch: Fetch, callback: Any, reader: Any
):
    callback(lambda request: str(request.user))
    sent = log_in(reader)
    reader.set_password("another")
    reader.save()
    assert fetch("/ptrack/forged/", sent).cookies.output() == ""
    assert fetch(make_path(), sent).cookies["sessionid"].value == ""


def test_signed_cookie_that_cannot_be_read_shows(
    fetch: Fetch, callback: Any, site: Any
):
    callback(lambda request: request.session.get("x"))
    with override_settings(
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"
    ):
        sent = {"sessionid": GARBAGE}
        assert fetch("/ptrack/forged/", sent).cookies.output() == ""
        assert fetch(make_path(), sent).cookies.output() != ""


# -- the state of a request -----------------------------------------------------------


def make_request(**attributes: Any) -> Any:
    request = RequestFactory().get("/")
    vars(request).update(attributes)
    return request


def test_request_without_session_and_language_has_no_state():
    assert take_state(make_request()) is None


def test_session_with_unsaved_data_stays_the_callbacks_own():
    """A middleware above ptrack has written it, whatever the token is."""
    session = SessionStore()
    session["cart"] = 1
    request = make_request(session=session)
    state = take_state(request)
    assert request.session is session
    state.restore(request)
    assert request.session is session


@pytest.mark.parametrize(
    "session", [{}, None, SimpleLazyObject(SessionStore)], ids=["dict", "none", "proxy"]
)
def test_session_of_another_kind_stays_the_callbacks_own(session: Any):
    request = make_request(session=session, LANGUAGE_CODE="en")
    state = take_state(request)
    assert request.session is session
    state.restore(request)
    assert request.session is session


@pytest.mark.parametrize("language", [None, 1, ["de"]])
def test_language_that_is_no_text_is_left_alone(language: Any):
    with translation.override("fr"):
        request = make_request(session={}, LANGUAGE_CODE=language)
        take_state(request).restore(request)
        assert translation.get_language() == "fr"
