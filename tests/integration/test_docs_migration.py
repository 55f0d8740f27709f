"""docs/from-*.md: every code block runs, those of another library with that library."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from cryptography.fernet import Fernet
from django.template import engines
from django.test import Client, override_settings
from django.urls import path

import ptrack
from ptrack.core.answers import GIF
from ptrack.testing import Click, Open, Recorded, tracked
from tests.docs.blocks import Block, claim, take_block
from tests.docs.conftest import clean_tracker  # noqa: F401 - a fixture
from tests.docs.site import HOST
from tests.processes import ROOT, WARNINGS, make_environment

pytestmark = pytest.mark.once

TARGET = "https://shop.example/?a=b"
SECURITY = "django.middleware.security.SecurityMiddleware"
PYTRACKING, DJANGO_PTRACK = "docs/from-pytracking.md", "docs/from-django-ptrack.md"


def configure(block: Block, settings: Any, **variables: str) -> None:
    """Put a block of settings into force; leave all others as they are."""
    lists = {
        "INSTALLED_APPS": ["django.contrib.contenttypes"],
        "MIDDLEWARE": [SECURITY],
    }
    with patch.dict(os.environ, variables):
        names = block.run(**deepcopy(lists))
    for name, value in names.items():
        if name.isupper() and value != lists.get(name):
            setattr(settings, name, value)


# -- pytracking -----------------------------------------------------------------------


take = partial(take_block, __file__, PYTRACKING)
THEIR_SETTINGS = take("PYTRACKING_CONFIGURATION = {")
THEIR_URLS = take("get_open_tracking_url(metadata")
OUR_URLS = take("link_url", "customer_id=1)", "open_url =")


@pytest.fixture
def pytracking_site(settings: Any) -> None:
    """Set up the site before it moves: with pytracking's settings alone."""
    configure(THEIR_SETTINGS, settings, PYTRACKING_KEY=Fernet.generate_key().decode())


@contextmanager
def serve_patterns(urlpatterns: list[Any]) -> Iterator[Client]:
    with override_settings(ROOT_URLCONF=tuple(urlpatterns)):
        yield Client(headers={"user-agent": "Mail/1"})


def open_and_click(
    caplog: pytest.LogCaptureFixture, get: Callable[[str], Any], urls: Any
) -> tuple[str, list[str]]:
    """Open and click; return the target of the click, and the log of the mails."""
    caplog.clear()
    caplog.set_level(logging.INFO, logger="mails")
    answer = get(urls["open_url"].removeprefix(HOST))
    assert answer["Content-Type"].startswith("image/")
    target = get(urls["click_url"].removeprefix(HOST))["Location"]
    return target, [
        each.getMessage() for each in caplog.records if each.name == "mails"
    ]


@claim(
    PYTRACKING,
    their_views=("class Opens(OpenTrackingView)", "logger"),
    our_settings="# 32 random",
    our_callbacks=("class Clicks(ptrack.TrackingLink)", '"mails"'),
)
def test_pytracking_and_ptrack_record_the_same(
    their_views: Block,
    our_settings: Block,
    our_callbacks: Block,
    pytracking_site,
    settings,
    caplog,
):
    theirs = THEIR_URLS.run()
    with serve_patterns(their_views.run()["urlpatterns"]) as client:
        before = open_and_click(caplog, client.get, theirs)

    configure(our_settings, settings, PTRACK_SECRET="s" * 32)
    our_callbacks.run()
    client = Client(headers={"user-agent": "Mail/1"})
    after = open_and_click(caplog, client.get, OUR_URLS.run())
    assert before == after
    assert before == (
        TARGET,
        [
            "open {'customer_id': 1} Mail/1",
            f"click {{'customer_id': 1}} {TARGET}",
        ],
    )


@claim(PYTRACKING, theirs="adapt_html(", ours="track_html(")
def test_whole_mails_are_tracked_by_either(
    theirs: Block, ours: Block, pytracking_site, ptrack_recorded
):
    html = f'<html><body><a href="{TARGET}">Shop</a></body></html>'
    adapted = theirs.run(html=html)["html"]
    assert adapted.count(f"{HOST}/open/") == adapted.count(f"{HOST}/click/") == 1
    found = tracked(ours.run(html=html)["html"])
    found.open()
    found.click(TARGET)
    assert ptrack_recorded.opens == [Open((), {"customer_id": 1})]
    assert ptrack_recorded.clicks == [Click(TARGET, (), {"customer_id": 1})]


class Hook(BaseHTTPRequestHandler):
    """Keeps the bodies of the requests to it."""

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        body = json.loads(self.rfile.read(size))
        self.server.posted.append((self.headers["Content-Type"], body))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        server.posted = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@claim(PYTRACKING, theirs="send_webhook(", ours="class Webhook")
def test_webhooks_get_the_same_from_either(
    theirs: Block, ours: Block, pytracking_site, settings, hook
):
    url = f"http://127.0.0.1:{hook.server_port}/"
    settings.PYTRACKING_CONFIGURATION["webhook_url"] = url
    open_url = THEIR_URLS.run()["open_url"]
    view = theirs.run()["Opens"].as_view()
    with serve_patterns([path("open/<path:path>", view)]) as client:
        client.get(open_url.removeprefix(HOST))
    ours.replace("https://hooks.example/mails", url).run()
    tracked(ptrack.pixel_tag(customer_id=1)).open({"User-Agent": "Mail/1"})
    their_event, our_event = hook.posted
    for _, body in hook.posted:
        assert body.pop("timestamp") > 1_700_000_000
    assert their_event == our_event
    assert our_event[1]["request_data"] == {
        "user_agent": "Mail/1",
        "user_ip": "127.0.0.1",
    }


@claim(PYTRACKING, both="class EarlierOpens")
def test_mails_already_sent_reach_ptrack_s_callbacks(
    both: Block, pytracking_site, ptrack_recorded: Recorded
):
    """New mails have other paths, so both kinds are answered side by side."""
    sent = THEIR_URLS.run()
    with serve_patterns(both.run()["urlpatterns"]) as client:
        for slash in ("", "/"):
            client.get(sent["open_url"].removeprefix(HOST) + slash)
            answer = client.get(sent["click_url"].removeprefix(HOST) + slash)
            assert answer["Location"] == TARGET
        new = OUR_URLS.run()
        assert client.get(new["open_url"].removeprefix(HOST)).content == GIF
        client.get(new["click_url"].removeprefix(HOST))
    assert ptrack_recorded.opens == [Open((), {"customer_id": 1})] * 3
    assert ptrack_recorded.clicks == [Click(TARGET, (), {"customer_id": 1})] * 3
    agents = {each.request.META["HTTP_USER_AGENT"] for each in ptrack_recorded.opens}
    assert agents == {"Mail/1"}


def test_pytracking_differs_as_the_table_says(pytracking_site, settings):
    """HEAD notifies, errors reach the reader, no caching is forbidden, another key."""
    from pytracking.django import OpenTrackingView

    seen = []

    class Opens(OpenTrackingView):
        def notify_tracking_event(self, tracking_result: Any) -> None:
            seen.append(self.request.method)
            if self.request.GET:
                raise OSError("disk full")

    url = THEIR_URLS.run()["open_url"].removeprefix(HOST)
    with serve_patterns([path("open/<path:path>", Opens.as_view())]) as client:
        client.head(url)
        answer = client.get(url)
        assert answer["Content-Type"] == "image/png"
        assert "Cache-Control" not in answer
        with pytest.raises(OSError, match="disk full"):
            client.get(f"{url}?fail=1")
        key = Fernet.generate_key()
        settings.PYTRACKING_CONFIGURATION["encryption_bytestring_key"] = key
        assert client.get(url).status_code == 404
    assert seen == ["HEAD", "GET", "GET"]


def test_pytracking_without_a_key_is_an_open_redirect(settings):
    """Its URL is made here without anything that only the site knows."""
    import base64

    from pytracking.django import ClickTrackingView

    settings.PYTRACKING_CONFIGURATION = {}
    forged = base64.urlsafe_b64encode(b'{"url": "https://evil.example/"}').decode()
    with serve_patterns(
        [path("click/<path:path>", ClickTrackingView.as_view())]
    ) as client:
        answer = client.get(f"/click/{forged}")
    assert answer["Location"] == "https://evil.example/"


# -- django-ptrack 3.0.0 --------------------------------------------------------------

take = partial(take_block, __file__, DJANGO_PTRACK)
OLD_SETTINGS = take("ptrack.apps.PtrackConfig").code
OLD_PIXELS = take("ptrack.tracker.register(Opens)").code
OLD_URLS = take('include("ptrack.urls")').code
NEW_SETTINGS = take('PTRACK_PREFIX = "/track/"').code
NEW_PIXELS = take("async def record").code
NEW_URLS = take("urlpatterns = []").code
TAG = take("{% ptrack 'newsletter' campaign=7 %}").code

PROJECT = f"""
SECRET_KEY = "x"
USE_TZ = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "mysite.urls"
TEMPLATES = [{{"BACKEND": "django.template.backends.django.DjangoTemplates"}}]
INSTALLED_APPS = ["mysite"]
MIDDLEWARE = [{SECURITY!r}]
LOGGING = {{
    "version": 1,
    "handlers": {{"out": {{"class": "logging.StreamHandler",
                          "stream": "ext://sys.stdout"}}}},
    "root": {{"handlers": ["out"], "level": "INFO"}},
}}
"""

# It makes URLs by a template and by code, and requests them.
VISIT = r"""
import json, re, sys
import django; django.setup()
from django.template import engines
from django.test import Client
client = Client()
template, earlier, *codes = json.load(sys.stdin)
made = engines["django"].from_string(template).render()
# 3.0.0 wrote single quotes; now they are double ones.
urls = re.findall("['\"](https://www.example.com/[^'\"]+)", made)
for code in codes:
    namespace = {}
    exec(code, namespace)
    urls.append(namespace["url"])
for url in [*urls, *earlier]:
    answer = client.get(url.removeprefix("https://www.example.com"))
    assert answer.status_code in (200, 302), (url, answer.status_code)
assert client.get("/track/no-token/").content[:3] == b"GIF"
print(json.dumps(urls))
"""


class Place:
    """A project that was written from blocks.

    Args:
        where: Its directory.
        settings: Its settings.
        pixels: Its callbacks.
        urls: Its URLconf.
    """

    def __init__(self, where: Path, settings: str, pixels: str, urls: str) -> None:
        self.where = where
        files = {
            "__init__": "",
            "settings": PROJECT + settings,
            "pixels": pixels,
            "urls": urls,
        }
        (where / "mysite").mkdir(parents=True)
        for name, source in files.items():
            (where / f"mysite/{name}.py").write_text(source)

    def visit(
        self, python: Path | str, template: str, *codes: str, earlier: Any = ()
    ) -> tuple[list[str], list[str]]:
        """Make URLs and request them; return the log, and the URLs."""
        ours = python == sys.executable
        done = subprocess.run(
            [str(python), *(WARNINGS if ours else ()), "-c", VISIT],
            input=json.dumps([template, list(earlier), *codes]),
            cwd=self.where,
            env=make_environment(
                PYTHONPATH=os.pathsep.join(["."] + [str(ROOT)] * ours),
                DJANGO_SETTINGS_MODULE="mysite.settings",
                PTRACK_SECRET="s" * 32,
            ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        *logged, urls = done.stdout.splitlines()
        return logged, json.loads(urls)


@pytest.fixture
def old_place(tmp_path: Path) -> Place:
    return Place(tmp_path / "old", OLD_SETTINGS, OLD_PIXELS, OLD_URLS)


@pytest.fixture
def new_place(tmp_path: Path) -> Place:
    return Place(tmp_path / "new", NEW_SETTINGS, NEW_PIXELS, NEW_URLS)


@claim(DJANGO_PTRACK, old="ptrack_encoder.encrypt(", new=("pixel_url(", "letter"))
def test_site_of_300_and_one_written_anew_record_the_same(
    old: Block, new: Block, python_300: Path, old_place: Place, new_place: Place
):
    """Either version runs the first, and each reads the URLs of the other."""
    line = "('newsletter',) {'campaign': 7}"

    logged, sent = old_place.visit(python_300, TAG, old.code)
    assert logged == [line] * 2
    logged, _ = old_place.visit(sys.executable, TAG, old.code, earlier=sent)
    assert logged == [line] * 4
    logged, made = new_place.visit(sys.executable, TAG, new.code, earlier=sent)
    assert logged == [line] * 4
    logged, _ = old_place.visit(python_300, TAG, earlier=made)
    assert logged == [line] * 3


@claim(DJANGO_PTRACK, template="{% ptrack_link 'https")
def test_new_tags_record_opens_and_clicks(template: Block, new_place: Place):
    logged, urls = new_place.visit(sys.executable, template.code)
    assert len(urls) == 2
    assert logged == [
        "https://shop.example/ ('newsletter',) {'campaign': 7}",
        "('newsletter',) {'campaign': 7}",
    ]


def render(template: str) -> str:
    return engines["django"].from_string(template).render()


@claim(DJANGO_PTRACK, block="PTRACK_IMG_ATTRIBUTES")
def test_tag_gets_other_attributes_if_they_are_set(block: Block, settings: Any):
    template = "{% load ptrack %}{% ptrack %}"
    assert render(template).endswith('/" width=1 height=1>')
    configure(block, settings)
    assert render(template).endswith('/" width="1" height="1" alt="">')


@claim(
    DJANGO_PTRACK,
    strict=("class Readable", "raise ValueError"),
    lax=("class Readable", "return json.loads"),
)
def test_own_encoders_record(
    strict: Block, lax: Block, python_300: Path, tmp_path: Path
):
    """With either version; the newer one accepts any error of an encoder."""
    for encoder, pythons in (
        (strict, [python_300, sys.executable]),
        (lax, [sys.executable]),
    ):
        where, pixels = tmp_path / encoder.id, encoder.code + OLD_PIXELS
        place = Place(where, OLD_SETTINGS, pixels, OLD_URLS)
        for python in pythons:
            assert place.visit(python, TAG)[0] == ["('newsletter',) {'campaign': 7}"]


DIFFERENCES = """
from django.conf import settings
settings.configure(
    PTRACK_SECRET={secret!r}, PTRACK_APP_URL="https://h", SECRET_KEY="x",
    ROOT_URLCONF="ptrack.urls", ALLOWED_HOSTS=["*"], USE_TZ=True,
)
import django; django.setup()
import ptrack
from django.test import Client
seen = []
class First(ptrack.TrackingPixel):
    def record(self, request, *args, **kwargs):
        if kwargs: raise OSError
class Second(ptrack.TrackingPixel):
    def record(self, request, *args, **kwargs): seen.append((request.method, args))
ptrack.tracker.register(First)
ptrack.tracker.register(Second)
client = Client(raise_request_exception=False)
def get(*args, method="get", **kwargs):
    token = ptrack.ptrack_encoder.encrypt(*args, **kwargs)
    return getattr(client, method)(f"/{{token}}/").status_code
def made(*args):
    try: return ptrack.ptrack_encoder.decrypt(ptrack.ptrack_encoder.encrypt(*args))[0]
    except TypeError: return "TypeError"
print([get(a=1), get(), get("a", method="head"), seen, made((1,)), made({{1: 2}})])
"""


def find_differences(python: Path | str, secret: str) -> str:
    done = subprocess.run(
        [str(python), "-c", DIFFERENCES.format(secret=secret)],
        cwd="/",
        env=make_environment(PYTHONPATH=str(ROOT) if python == sys.executable else ""),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout.strip() or done.stderr.splitlines()[-1]


def test_versions_differ_as_the_table_says(python_300: Path):
    before = find_differences(python_300, "s" * 32)
    assert before == "[500, 200, 200, [('HEAD', ('a',))], [[1]], [{'1': 2}]]"
    assert find_differences(python_300, "") == before
    after = find_differences(sys.executable, "s" * 32)
    hits = [("GET", ()), ("GET", ())]
    assert after == f"[200, 200, 200, {hits}, 'TypeError', 'TypeError']"
    assert "must not be empty" in find_differences(sys.executable, "")
