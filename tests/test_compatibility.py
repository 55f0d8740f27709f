"""A site written for django-ptrack 3.0.0, after nothing but the version change."""

from pathlib import Path

import pytest

from tests import vectors
from tests.processes import run_python

# A project in the manner of 3.0.0's README: no prefix, no middleware, old idioms.
SETTINGS = """
SECRET_KEY = "x"
USE_TZ = True
INSTALLED_APPS = ["ptrack"]
ROOT_URLCONF = "project.urls"
ALLOWED_HOSTS = ["*"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
PTRACK_SECRET = "testptracksecret"
PTRACK_APP_URL = "localhost"
"""
URLS = """
from django.http import HttpResponse
from django.urls import include, re_path
urlpatterns = [
    re_path(%r, include("ptrack.urls")),
    re_path("^$", lambda request: HttpResponse("home")),
    re_path("^about$", lambda request: HttpResponse("about")),
]
"""
PIXELS = """
import ptrack
class CustomTrackingPixel(ptrack.TrackingPixel):
    def record(self, request, *args, **kwargs):
        print(request.META["HTTP_USER_AGENT"], args, kwargs)
ptrack.tracker.register(CustomTrackingPixel)
"""
TRY = """
import sys; sys.path.insert(0, "")
import django; django.setup()
from django.template import engines
from django.test import Client
import ptrack
from ptrack.apps import PtrackConfig, SimplePtrackConfig
from ptrack.encoder import PtrackEncoder
from ptrack.exceptions import PtrackRegistrationError
from ptrack.trackers import Tracker
from ptrack.views import TRANSPARENT_1_PIXEL_GIF, TrackingPixel
assert TrackingPixel.as_view() and ptrack.autodiscover and Tracker("mine")
tag = engines["django"].from_string("{% load ptrack %}{% ptrack 'arg' key1='arg1' %}")
url = tag.render().split('"')[1].removeprefix("localhost")
print(url[:-65])
client = Client(headers={"user-agent": "Mail"})
for path in (url, sys.argv[1] + OLD + "/"):
    assert client.get(path).content == TRANSPARENT_1_PIXEL_GIF
print(client.get("/").content, client.get("/about").content)
"""


@pytest.mark.parametrize("place", ["", "track/", "a/b/", "ptrack/"])
def test_site_written_for_300_works_after_the_version_change(
    place: str, tmp_path: Path
):
    tokens = vectors.load()["written_by_django_ptrack_3.0.0"]
    old = next(each for each in tokens if each["kwargs"] == {"key1": "arg1"})
    (tmp_path / "project").mkdir()
    for name, source in (
        ("__init__", ""),
        ("settings", SETTINGS),
        ("urls", URLS % f"^{place}"),
        ("pixels", PIXELS),
    ):
        (tmp_path / f"project/{name}.py").write_text(source)
    code = TRY.replace("sys.argv[1]", repr(f"/{place}")).replace(
        "OLD", repr(old["token"])
    )
    out = run_python(code, cwd=tmp_path, DJANGO_SETTINGS_MODULE="project.settings")
    first, *hits, pages = out.splitlines()
    assert first.startswith(f"/{place}")
    assert hits == ["Mail ('arg',) {'key1': 'arg1'}"] * 2
    assert pages == "b'home' b'about'"
