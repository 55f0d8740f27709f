"""A site in several languages, for tests."""

LOCALE = "django.middleware.locale.LocaleMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
PTRACK = "ptrack.middleware.PtrackMiddleware"
