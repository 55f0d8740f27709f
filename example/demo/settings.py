"""Settings of the demo.

These variables of the environment change them: ``PORT``, ``PTRACK_APP_URL``,
``PTRACK_SECRET``, ``DEMO_VAR`` (the directory of the database and the mails) and
``DEMO_SECRET_KEY``.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import django

HERE = Path(__file__).resolve().parent
VAR = Path(os.environ.get("DEMO_VAR") or HERE.parent / "var").resolve()
VAR.mkdir(parents=True, exist_ok=True)

# -- ptrack ---------------------------------------------------------------------------


def read_secret() -> str:
    """Return the demo's secret, made at its first start: a published one is no secret.

    On a real site, keep the one that ``python -m ptrack secret`` prints.
    """
    file, new = VAR / "ptrack-secret", VAR / f"ptrack-secret.{os.getpid()}"
    if not file.exists():
        new.touch(mode=0o600)
        new.write_text(secrets.token_hex(16))
        # Several processes may start at once; all use the secret of the first.
        with suppress(FileExistsError):
            file.hardlink_to(new)
        new.unlink()
    return file.read_text()


PTRACK_SECRET = os.environ.get("PTRACK_SECRET") or read_secret()

# The address under which the recipients of the mails reach this site.
PORT = os.environ.get("PORT", "8000")
PTRACK_APP_URL = (
    os.environ.get("PTRACK_APP_URL") or f"http://127.0.0.1:{PORT}"
).rstrip("/")

# The attributes of a pixel's <img>: screen readers pass it over.
PTRACK_IMG_ATTRIBUTES = 'width="1" height="1" alt=""'

# Unique opens and clicks are counted by this keyword.
PTRACK_STATS_KEY = "recipient"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "ptrack",
    "ptrack.stats",
    "demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "ptrack.middleware.PtrackMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# -- mails ----------------------------------------------------------------------------

DEFAULT_FROM_EMAIL = "The ptrack demo <news@example.com>"
MAIL_DIRECTORY = VAR / "mails"
MAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
if django.VERSION >= (6, 1):
    MAILERS = {
        "default": {
            "BACKEND": MAIL_BACKEND,
            "OPTIONS": {"file_path": MAIL_DIRECTORY},
        }
    }
else:
    EMAIL_BACKEND = MAIL_BACKEND
    EMAIL_FILE_PATH = MAIL_DIRECTORY

# -- the usual settings of Django -----------------------------------------------------

DEBUG = True
SECRET_KEY = os.environ.get("DEMO_SECRET_KEY") or "only-for-the-demo-" + "x" * 40
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
if host := urlsplit(PTRACK_APP_URL).hostname:
    ALLOWED_HOSTS.append(host)

ROOT_URLCONF = "demo.urls"
STATIC_URL = "/static/"
TIME_ZONE = "UTC"
USE_TZ = True

# Only the admin uses sessions; the other pages set no cookie for one.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": VAR / "demo.sqlite3"}
}

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
