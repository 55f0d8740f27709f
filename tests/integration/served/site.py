"""A Django site in one file, for WSGI and ASGI servers."""

import os
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

import ptrack
from ptrack.wsgi import PtrackWSGIMiddleware


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("page")


urlpatterns = [path("page/", page)]

settings.configure(
    SECRET_KEY="x",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="tests.integration.served.site",
    INSTALLED_APPS=["ptrack"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "ptrack.middleware.PtrackMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    PTRACK_SECRET=os.environ["PTRACK_SECRET"],
    PTRACK_PREFIX="/pixel+é/",
)
wsgi = get_wsgi_application()
asgi = get_asgi_application()
from tests.integration.served.pixels import write  # noqa: E402


@ptrack.tracker.register
class Querying(ptrack.TrackingPixel):
    """Uses the database, which Django refuses in the thread of an event loop."""

    def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
        with connection.cursor() as cursor:
            write("orm", request, cursor.execute("SELECT 'row'").fetchone())


around = PtrackWSGIMiddleware(wsgi)
