"""docs/from-*.md: every block runs, the other library's with that very library."""

import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from cryptography.fernet import Fernet
from django.test import Client, override_settings
from django.urls import path

import ptrack
from ptrack.core.answers import GIF
from ptrack.testing import Click, Open, Recorded, tracked
from tests.pages import Page, not_run, run, the_one
from tests.processes import ROOT, WARNINGS, environment
from tests.recording import emptied

pytestmark = pytest.mark.once

TARGET = "https://shop.example/?a=b"
SITE = "https://www.example.com"
SECURITY = "django.middleware.security.SecurityMiddleware"
NAMES = ["from-pytracking", "from-django-ptrack"]
PAGES = {name: Page(f"docs/{name}.md") for name in NAMES}
BLOCKS = [block for page in PAGES.values() for block in page.blocks]


def block(*parts: str) -> str:
    """Give the one block, of both pages, that has all of these in it."""
    return the_one(BLOCKS, *parts)


@pytest.fixture(autouse=True)
def clean_tracker() -> Iterator[None]:
    with emptied(ptrack.tracker):
        yield


def configured(code: str, settings: Any, **variables: str) -> None:
    """Put a block of settings into force; what it leaves alone stays as it is."""
    lists = {
        "INSTALLED_APPS": ["django.contrib.contenttypes"],
        "MIDDLEWARE": [SECURITY],
    }
    with patch.dict(os.environ, variables):
        place = run(code, **deepcopy(lists))
    for name, value in place.items():
        if name.isupper() and value != lists.get(name):
            setattr(settings, name, value)


# -- pytracking -----------------------------------------------------------------------


@pytest.fixture
def pytracking_site(settings: Any) -> None:
    """What a site has before it moves: pytracking's settings, and not ptrack."""
    configured(
        block("PYTRACKING_CONFIGURATION = {"),
        settings,
        PYTRACKING_KEY=Fernet.generate_key().decode(),
    )


@contextmanager
def routed(urlpatterns: list[Any]) -> Iterator[Client]:
    with override_settings(ROOT_URLCONF=tuple(urlpatterns)):
        yield Client(headers={"user-agent": "Mail/1"})


def both(caplog: pytest.LogCaptureFixture, get: Callable[[str], Any], urls: Any) -> Any:
    """Open and click; give where the click led, and what was logged."""
    caplog.clear()
    caplog.set_level(logging.INFO, logger="mails")
    opened = get(urls["open_url"].removeprefix(SITE))
    assert opened["Content-Type"].startswith("image/")
    target = get(urls["click_url"].removeprefix(SITE))["Location"]
    return target, [each.getMessage() for each in caplog.records]


def test_pytracking_and_ptrack_record_the_same(pytracking_site, settings, caplog):
    theirs = run(block("get_open_tracking_url(metadata"))
    with routed(run(block("class Opens(OpenTrackingView)", "logger"))["urlpatterns"]):
        before = both(caplog, Client(headers={"user-agent": "Mail/1"}).get, theirs)

    configured(block("# 32 random", "PTRACK_SECRET"), settings, PTRACK_SECRET="s" * 32)
    ours = run(block("link_url", "customer_id=1)", "open_url ="))
    run(block("class Clicks(ptrack.TrackingLink)", '"mails"'))
    after = both(caplog, Client(headers={"user-agent": "Mail/1"}).get, ours)
    assert before == after
    assert before == (
        TARGET,
        [
            "open {'customer_id': 1} Mail/1",
            f"click {{'customer_id': 1}} {TARGET}",
        ],
    )


def test_whole_mails_are_tracked_by_either(pytracking_site, ptrack_recorded):
    html = f'<html><body><a href="{TARGET}">Shop</a></body></html>'
    theirs = run(block("adapt_html("), html=html)["html"]
    assert theirs.count(f"{SITE}/open/") == theirs.count(f"{SITE}/click/") == 1
    found = tracked(run(block("track_html("), html=html)["html"])
    found.open()
    found.click(TARGET)
    assert ptrack_recorded.opens == [Open((), {"customer_id": 1})]
    assert ptrack_recorded.clicks == [Click(TARGET, (), {"customer_id": 1})]


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted to it."""

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


def test_webhooks_get_the_same_from_either(pytracking_site, settings, hook):
    url = f"http://127.0.0.1:{hook.server_port}/"
    settings.PYTRACKING_CONFIGURATION["webhook_url"] = url
    open_url = run(block("get_open_tracking_url(metadata"))["open_url"]
    view = run(block("send_webhook("))["Opens"].as_view()
    with routed([path("open/<path:path>", view)]) as client:
        client.get(open_url.removeprefix(SITE))
    run(block("class Webhook").replace("https://hooks.example/mails", url))
    tracked(ptrack.pixel_tag(customer_id=1)).open({"User-Agent": "Mail/1"})
    theirs, ours = hook.posted
    for _, body in hook.posted:
        assert body.pop("timestamp") > 1_700_000_000
    assert theirs == ours
    assert ours[1]["request_data"] == {"user_agent": "Mail/1", "user_ip": "127.0.0.1"}


def test_mails_already_sent_reach_ptrack_s_callbacks(
    pytracking_site, ptrack_recorded: Recorded
):
    """Beside new ones, whose paths don't meet the earlier ones."""
    sent = run(block("get_open_tracking_url(metadata"))
    with routed(run(block("class EarlierOpens"))["urlpatterns"]) as client:
        for slash in ("", "/"):
            client.get(sent["open_url"].removeprefix(SITE) + slash)
            answer = client.get(sent["click_url"].removeprefix(SITE) + slash)
            assert answer["Location"] == TARGET
        new = run(block("link_url", "customer_id=1)", "open_url ="))
        assert client.get(new["open_url"].removeprefix(SITE)).content == GIF
        client.get(new["click_url"].removeprefix(SITE))
    assert ptrack_recorded.opens == [Open((), {"customer_id": 1})] * 3
    assert ptrack_recorded.clicks == [Click(TARGET, (), {"customer_id": 1})] * 3
    agents = {each.request.META["HTTP_USER_AGENT"] for each in ptrack_recorded.opens}
    assert agents == {"Mail/1"}


def test_what_is_said_of_pytracking_is_so(pytracking_site, settings):
    """HEAD notifies, errors reach the reader, no caching is forbidden, another key."""
    from pytracking.django import OpenTrackingView

    seen = []

    class Opens(OpenTrackingView):
        def notify_tracking_event(self, tracking_result: Any) -> None:
            seen.append(self.request.method)
            if self.request.GET:
                raise OSError("disk full")

    place = run(block("get_open_tracking_url(metadata"))["open_url"].removeprefix(SITE)
    with routed([path("open/<path:path>", Opens.as_view())]) as client:
        client.head(place)
        answer = client.get(place)
        assert answer["Content-Type"] == "image/png"
        assert "Cache-Control" not in answer
        with pytest.raises(OSError, match="disk full"):
            client.get(f"{place}?fail=1")
        key = Fernet.generate_key()
        settings.PYTRACKING_CONFIGURATION["encryption_bytestring_key"] = key
        assert client.get(place).status_code == 404
    assert seen == ["HEAD", "GET", "GET"]


def test_pytracking_without_a_key_is_an_open_redirect(settings):
    """Its URL is made here with nothing that the site knows alone."""
    import base64

    from pytracking.django import ClickTrackingView

    settings.PYTRACKING_CONFIGURATION = {}
    forged = base64.urlsafe_b64encode(b'{"url": "https://evil.example/"}').decode()
    with routed([path("click/<path:path>", ClickTrackingView.as_view())]) as client:
        answer = client.get(f"/click/{forged}")
    assert answer["Location"] == "https://evil.example/"


# -- django-ptrack 3.0.0 --------------------------------------------------------------

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

# What each block that is tried is given, and what it is asked for.
VISIT = r"""
import json, re, sys
import django; django.setup()
from django.template import engines
from django.test import Client
client = Client()
template, earlier, *codes = json.load(sys.stdin)
made = engines["django"].from_string(template).render()
# In single quotes by 3.0.0, in double ones now.
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
        """Make URLs and request them; give what was logged, and the URLs."""
        ours = python == sys.executable
        done = subprocess.run(
            [str(python), *(WARNINGS if ours else ()), "-c", VISIT],
            input=json.dumps([template, list(earlier), *codes]),
            cwd=self.where,
            env=environment(
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
    return Place(
        tmp_path / "old",
        block("ptrack.apps.PtrackConfig"),
        block("ptrack.tracker.register(Opens)"),
        block('include("ptrack.urls")'),
    )


@pytest.fixture
def new_place(tmp_path: Path) -> Place:
    return Place(
        tmp_path / "new",
        block('PTRACK_PREFIX = "/track/"'),
        block("async def record"),
        block("urlpatterns = []"),
    )


def test_site_of_300_and_one_written_anew_record_the_same(
    python_300: Path, old_place: Place, new_place: Place
):
    """Either version runs the first, and each reads the URLs of the other."""
    tag = block("{% ptrack 'newsletter' campaign=7 %}")
    old_code, new_code = block("ptrack_encoder.encrypt("), block("pixel_url(", "letter")
    line = "('newsletter',) {'campaign': 7}"

    logged, sent = old_place.visit(python_300, tag, old_code)
    assert logged == [line] * 2
    logged, _ = old_place.visit(sys.executable, tag, old_code, earlier=sent)
    assert logged == [line] * 4
    logged, made = new_place.visit(sys.executable, tag, new_code, earlier=sent)
    assert logged == [line] * 4
    logged, _ = old_place.visit(python_300, tag, earlier=made)
    assert logged == [line] * 3


def test_new_tags_work_as_shown(new_place: Place):
    logged, urls = new_place.visit(sys.executable, block("{% ptrack_link 'https"))
    assert len(urls) == 2
    assert logged == [
        "https://shop.example/ ('newsletter',) {'campaign': 7}",
        "('newsletter',) {'campaign': 7}",
    ]


def test_encoders_work_as_shown(python_300: Path, tmp_path: Path):
    tag = block("{% ptrack 'newsletter' campaign=7 %}")
    settings, urls = block("ptrack.apps.PtrackConfig"), block('include("ptrack.urls")')
    own = block("class Readable", "raise ValueError")
    lax = block("class Readable", "return json.loads")
    pixels = block("ptrack.tracker.register(Opens)")
    strict = Place(tmp_path / "strict", settings, own + pixels, urls)
    for python in (python_300, sys.executable):
        assert strict.visit(python, tag)[0] == ["('newsletter',) {'campaign': 7}"]
    free = Place(tmp_path / "free", settings, lax + pixels, urls)
    assert free.visit(sys.executable, tag)[0] == ["('newsletter',) {'campaign': 7}"]


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


def differences(python: Path | str, secret: str) -> str:
    done = subprocess.run(
        [str(python), "-c", DIFFERENCES.format(secret=secret)],
        cwd="/",
        env=environment(PYTHONPATH=str(ROOT) if python == sys.executable else ""),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout.strip() or done.stderr.splitlines()[-1]


def test_what_is_said_to_differ_does(python_300: Path):
    before = differences(python_300, "s" * 32)
    assert before == "[500, 200, 200, [('HEAD', ('a',))], [[1]], [{'1': 2}]]"
    assert differences(python_300, "") == before
    after = differences(sys.executable, "s" * 32)
    hits = [("GET", ()), ("GET", ())]
    assert after == f"[200, 200, 200, {hits}, 'TypeError', 'TypeError']"
    assert "must not be empty" in differences(sys.executable, "")


# -- all of it ------------------------------------------------------------------------


def test_every_block_is_run_by_a_test():
    """Each is asked for by a call of ``block`` in one of the tests above."""
    assert not_run(BLOCKS, __file__) == []


@pytest.mark.parametrize("name", NAMES)
def test_links_to_other_pages_lead_somewhere(name: str):
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[name].text):
        if target.startswith("#"):
            assert f"\n## {target[1:].title()}\n" in PAGES[name].text
        elif "//" not in target:
            assert (ROOT / "docs" / target).exists()
