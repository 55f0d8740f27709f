"""django-ptrack 3.0.0 as published: both read each other's tokens."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ptrack.core.callbacks import Tracker
from ptrack.core.endpoint import Endpoint
from ptrack.core.kinds import LINK, PIXEL
from ptrack.core.tokens import TokenBox
from tests.processes import make_environment

pytestmark = pytest.mark.once

SECRET = "testptracksecret"
TARGET = "https://shop.example/"
HITS = [
    ((), {}),
    (("arg",), {"key1": "arg1"}),
    (("ü🙂", 1, 1.5, True, None), {"nested": {"a": [1, {"b": []}]}, "empty": ""}),
    *((("x" * size,), {}) for size in range(6)),
    (("x" * 1000,), {}),
]

READ_AND_WRITE = """
import json, sys
from django.conf import settings
settings.configure(PTRACK_SECRET=%r, PTRACK_APP_URL="https://h")
from ptrack.encoder import PtrackEncoder
tokens, hits = json.load(sys.stdin)
json.dump([
    [PtrackEncoder.decrypt(token) for token in tokens],
    [PtrackEncoder.encrypt(*args, **kwargs) for args, kwargs in hits],
], sys.stdout)
"""


def run_300(python_300: Path, code: str, given: Any) -> Any:
    """Run code that reads JSON in django-ptrack 3.0.0; return the JSON it writes."""
    done = subprocess.run(
        [python_300, "-W", "ignore", "-c", code % SECRET],
        input=json.dumps(given),
        cwd=python_300.parent,
        env=make_environment(PYTHONPATH=""),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def test_tokens_go_both_ways(python_300: Path):
    box = TokenBox(SECRET)
    ours = [box.encrypt(*args, **kwargs) for args, kwargs in HITS]
    read, theirs = run_300(python_300, READ_AND_WRITE, [ours, HITS])
    expected = json.loads(json.dumps(HITS))
    assert read == expected
    for token, our_token, hit in zip(theirs, ours, expected, strict=True):
        assert list(box.decrypt(token)) == hit
        assert list(box.decrypt(token.rstrip("="))) == hit
        assert len(our_token) <= len(token)


MIRROR_300 = """
import json, sys
from django.conf import settings
settings.configure(
    PTRACK_SECRET=%r, PTRACK_APP_URL="https://h", ROOT_URLCONF="ptrack.urls",
    INSTALLED_APPS=["ptrack"], ALLOWED_HOSTS=["*"], SECRET_KEY="x",
)
import django; django.setup()
import ptrack
from django.test import Client
hits = []
class Recording(ptrack.TrackingPixel):
    def record(self, request, *args, **kwargs):
        hits.append([args, kwargs])
ptrack.tracker.register(Recording)
for path in json.load(sys.stdin):
    Client().get(path)
json.dump(hits, sys.stdout)
"""


def test_mirror_on_django_ptrack_300_takes_no_link_for_an_open(python_300: Path):
    endpoint = Endpoint(
        TokenBox(SECRET),
        encoder=lambda: None,
        tracker=Tracker(),
        prefix="/",
        app_url="https://h",
    )
    link = endpoint.url(LINK, ["click"], {}, TARGET).removeprefix("https://h")
    pixel = endpoint.url(PIXEL, ["open"], {}).removeprefix("https://h")
    paths = [link, link.replace("/link/", "/"), pixel]
    assert run_300(python_300, MIRROR_300, paths) == [[["open"], {}]]
