"""The mirror, for a WSGI server: ``recording.wsgi:application``."""

import os

import django

from ptrack.wsgi import mirror

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recording.settings")
# The apps have to be loaded for their tables; Django handles no request.
django.setup()

application = mirror()
