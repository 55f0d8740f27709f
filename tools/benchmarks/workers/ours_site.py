"""The site with ptrack: its middleware in front, ``ptrack.urls`` where it was."""

from django.core.wsgi import get_wsgi_application
from django.urls import include, path
from django_site import OTHER_PATTERNS, configure, insert_second
from sample import APP_URL, SECRET

PTRACK = "ptrack.middleware.PtrackMiddleware"

configure(
    __name__,
    "ptrack",
    middleware=insert_second(PTRACK),
    PTRACK_SECRET=SECRET,
    PTRACK_APP_URL=APP_URL,
)
import pixels  # noqa: E402, F401 - Django has to be configured first

urlpatterns = [*OTHER_PATTERNS, path("ptrack/", include("ptrack.urls"))]
application = get_wsgi_application()
