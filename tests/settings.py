"""The site that the tests run in: the middleware, the app, and nothing else."""

SECRET_KEY = "tests"
ALLOWED_HOSTS = ["*"]
DEBUG = False
USE_TZ = True

INSTALLED_APPS = ["ptrack"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "ptrack.middleware.PtrackMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "tests.urlconfs.empty"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
# Django 6.1 warns if it is missing; earlier versions don't know it.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "OPTIONS": {"environment": "tests.jinja.make_environment"},
    },
]

PTRACK_SECRET = "s3cret of thirty-two characters!"
PTRACK_APP_URL = "https://www.example.com"
