"""The search for ``pixels.py``, whose callbacks a hit runs.

An import error inside such a module is never swallowed: hits would be lost in silence.
"""

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec

from . import conf
from .core.callbacks import tracker

MODULE = "pixels"


def autodiscover() -> None:
    """Import ``pixels`` of every installed Django app and of the project's package."""
    from django.utils.module_loading import autodiscover_modules  # Only under Django.

    autodiscover_modules(MODULE, register_to=tracker)
    for package in find_project_packages():
        _import_if_there(f"{package}.{MODULE}")


def find_project_packages() -> list[str]:
    """Return the packages with the site's settings and URLconf, innermost first."""
    found: dict[str, None] = {}
    for module in (conf.get_settings_module(), conf.get_django("ROOT_URLCONF")):
        package = module if isinstance(module, str) else ""
        while package := package.rpartition(".")[0]:
            found[package] = None
    return list(found)


def import_pixels(modules: str | Iterable[str] | None) -> None:
    """Import the pixels of a plain WSGI or ASGI app.

    Args:
        modules: Names of modules, or one name. ``None`` stands for a top-level
            ``pixels``, if there is one; within Django it stands for nothing, because
            `autodiscover` has looked already.
    """
    if modules is None:
        if not conf.uses_django():
            _import_if_there(MODULE)
        return
    for module in [modules] if isinstance(modules, str) else modules:
        import_module(module)


def _import_if_there(module: str) -> None:
    if find_spec(module) is not None:
        import_module(module)
