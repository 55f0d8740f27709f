"""The Django site with the callbacks that mean to end something."""

from . import exits as exits
from .site import asgi as asgi
from .site import wsgi as wsgi
