"""A Django site under ASGI, with ptrack's middleware; one of its callbacks is async."""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import re_path

from ptrack.conf import parse_setting
from tools.soak.places import PAGE


def page(request: HttpRequest) -> HttpResponse:
    """Answer for any page that isn't a pixel."""
    return HttpResponse(PAGE)


urlpatterns = [re_path("", page)]

settings.configure(
    SECRET_KEY="soak",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["ptrack"],
    MIDDLEWARE=[
        "ptrack.middleware.PtrackMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
    PTRACK_SECRET=os.environ["PTRACK_SECRET"],
    PTRACK_SECRET_FALLBACKS=parse_setting(
        "PTRACK_SECRET_FALLBACKS", os.environ.get("PTRACK_SECRET_FALLBACKS", "")
    ),
    USE_TZ=True,
)

from . import pixels  # noqa: E402 - Django has to be configured first

pixels.register(pixels.SlowAsync)
application = get_asgi_application()
pixels.keep_log()
