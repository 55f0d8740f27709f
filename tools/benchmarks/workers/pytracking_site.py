"""The site with pytracking, encrypted: its view in the URLconf, as in its manual."""

from base64 import urlsafe_b64encode
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.urls import re_path
from django_site import OTHER_PATTERNS, configure
from pytracking.django import OpenTrackingView
from recording import record
from sample import APP_URL, PREFIX, SECRET

CONFIGURATION = {
    "base_open_tracking_url": f"{APP_URL}{PREFIX}",
    "base_click_tracking_url": f"{APP_URL}{PREFIX}",
    # Fernet's keys are of 32 bytes as well.
    "encryption_bytestring_key": urlsafe_b64encode(SECRET.encode()),
}

configure(__name__, PYTRACKING_CONFIGURATION=CONFIGURATION)


class AppendingView(OpenTrackingView):
    """Appends to the list of hits."""

    def notify_tracking_event(self, tracking_result: Any) -> None:
        """Record the hit."""
        record(tracking_result.metadata)


urlpatterns = [
    *OTHER_PATTERNS,
    re_path(r"^ptrack/(?P<path>[\w=-]+)$", AppendingView.as_view()),
]
application = get_wsgi_application()
