"""A Django site in one file, for WSGI and ASGI servers."""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from ptrack.wsgi import PtrackWSGIMiddleware


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("page")


urlpatterns = [path("page/", page)]

settings.configure(
    SECRET_KEY="x",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="tests.served.site",
    INSTALLED_APPS=["ptrack"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "ptrack.middleware.PtrackMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
    PTRACK_SECRET=os.environ["PTRACK_SECRET"],
    PTRACK_PREFIX="/pixel é/",
)
wsgi = get_wsgi_application()
asgi = get_asgi_application()
around = PtrackWSGIMiddleware(wsgi)
