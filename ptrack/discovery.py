"""Finding ``pixels.py``: what it registers is what a hit runs.

An import error inside one is never swallowed: opens would be lost without a word.
"""

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec

from . import conf
from .core.callbacks import tracker

MODULE = "pixels"


def autodiscover() -> None:
    """Import ``pixels`` of every installed Django app and of the project's package."""
    from django.utils.module_loading import autodiscover_modules

    autodiscover_modules(MODULE, register_to=tracker)
    for package in conf.project_packages():
        _import_if_there(f"{package}.{MODULE}")


def import_pixels(modules: str | Iterable[str] | None) -> None:
    """Import the pixels of a plain WSGI or ASGI app.

    Args:
        modules: Names of modules, or one; ``None`` is a top-level ``pixels``, if there
            is one. Not within Django, where `autodiscover` has looked already.
    """
    if modules is None:
        if not conf.in_django():
            _import_if_there(MODULE)
        return
    for module in [modules] if isinstance(modules, str) else modules:
        import_module(module)


def _import_if_there(module: str) -> None:
    if find_spec(module) is not None:
        import_module(module)
