"""An error tracker gets no secret and no token from the frames of ptrack."""

import json

import pytest

from tests.core.test_secrecy import OLD, RECIPIENT, SECRET, assert_without_secrets
from tests.processes import run_python

pytestmark = pytest.mark.once

SENTRY = """
import json
import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.transport import Transport

class Kept(Transport):
    events = []
    def capture_envelope(self, envelope):
        self.events += filter(None, (item.get_event() for item in envelope.items))

class Unscrubbed:
    # Sentry's own takes out values that are named "secret"; here they are to be seen.
    def scrub_event(self, event): pass

sentry_sdk.init(
    dsn="http://key@127.0.0.1/1",
    transport=Kept,
    default_integrations=False,
    integrations=[LoggingIntegration()],
    event_scrubber=Unscrubbed(),
)
import ptrack, ptrack.wsgi

@ptrack.tracker.register
class Failing(ptrack.TrackingPixel):
    def record(self, request, *args, **kwargs):
        raise LookupError("on purpose")

tracking = ptrack.wsgi.mirror()
url = ptrack.pixel_url("ada@example.com", secret_of_hers=1)
path = url.removeprefix("https://h")
tracking({"REQUEST_METHOD": "GET", "PATH_INFO": path}, lambda *_: None)
for call in (
    lambda: ptrack.wsgi.mirror(secret="TOP-SECRET" * 4),
    lambda: ptrack.wsgi.mirror(secret_fallbacks=["OLD-SECRET" * 4]),
    lambda: ptrack.PtrackEncoder.decrypt("A" * 64),
):
    try:
        call()
    except Exception as error:
        sentry_sdk.capture_exception(error)
sentry_sdk.flush()
print(json.dumps([path.split("/")[2], Kept.events]))
"""


def test_sentry_gets_no_secret_token_or_recipient_from_frames_of_ptrack():
    """The client is the real one, and its transport keeps the events."""
    out = run_python(
        SENTRY,
        PTRACK_SECRET=SECRET,
        PTRACK_SECRET_FALLBACKS=OLD,
        PTRACK_APP_URL="https://h",
    )
    token, events = json.loads(out)
    assert len(events) == 4
    failed, *_ = events
    assert failed["logentry"]["formatted"] == "Callback __main__.Failing failed"
    (error,) = failed["exception"]["values"]
    assert [frame["function"] for frame in error["stacktrace"]["frames"]] == ["record"]
    assert RECIPIENT in str(error["stacktrace"]), "frames have no variables at all"
    for event in events:
        for value in event["exception"]["values"]:
            ours = [
                frame
                for frame in value["stacktrace"]["frames"]
                if frame["module"].startswith(("ptrack", "nacl"))
            ]
            assert_without_secrets(json.dumps([ours, value["value"]]))
            assert token not in json.dumps(ours)
            assert RECIPIENT not in json.dumps(ours)
