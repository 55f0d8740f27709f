"""The site with django-ptrack 3.0.0, whose only way is its URLconf."""

from django.core.wsgi import get_wsgi_application
from django.urls import include, path
from django_site import OTHER_PATTERNS, configure
from sample import APP_URL, SECRET

configure(
    __name__,
    "ptrack.apps.PtrackConfig",
    PTRACK_SECRET=SECRET,
    PTRACK_APP_URL=APP_URL,
)
import pixels  # noqa: E402, F401 - Django has to be configured first

urlpatterns = [*OTHER_PATTERNS, path("ptrack/", include("ptrack.urls"))]
application = get_wsgi_application()
