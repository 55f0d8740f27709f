"""The search for ``pixels.py``, whose callbacks a hit runs.

An import error inside such a module is never swallowed: hits would be lost in silence.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from . import conf
from .core.callbacks import tracker
from .core.logs import escape

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
    try:
        is_there = find_spec(module) is not None
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise
        # The settings name a package that doesn't exist. Django says so where it needs
        # that package.
        return
    if is_there:
        import_module(module)


# -- why no callback is registered ----------------------------------------------------


def explain_missing_callbacks() -> str:
    """Return what to do where no callback is registered, in sentences.

    Files that were probably meant are named: a ``pixel.py``, or a ``pixels.py`` that
    nothing imports.
    """
    advice = _advise_django() if conf.uses_django() else _advise_others()
    found: list[str] = []
    # The working directory may be gone, and a module in sys.modules may be any object.
    with suppress(Exception):
        # A path may hold anything, and this goes into the log.
        found = sorted(escape(str(each)) for each in _find_near_misses())
    return f"{advice} Not imported: {', '.join(found)}." if found else advice


def _advise_django() -> str:
    from django.apps import apps  # Only under Django.

    register = (
        "Register one (ptrack.tracker.register) in the module pixels of an app in "
        "INSTALLED_APPS or of the package that holds the settings."
    )
    if not apps.ready:
        return f"Call django.setup() first, which imports them. {register}"
    if not apps.is_installed("ptrack"):
        return f'Add "ptrack" to INSTALLED_APPS, which imports them. {register}'
    if any(getattr(each, "imports_pixels", False) for each in apps.get_app_configs()):
        return register
    return (
        "Import the modules that register one (ptrack.tracker.register), in ready() of "
        "an app of your own for example: SimplePtrackConfig imports none."
    )


def _advise_others() -> str:
    place = ""
    with suppress(OSError):
        place = f", which is {escape(str(Path.cwd()))}"
    return (
        "Register one (ptrack.tracker.register) before the middleware is made: in a "
        f"module pixels in the working directory{place}, or in a module that the "
        "option pixels names."
    )


def _find_near_misses() -> Iterator[Path]:
    """Yield files that look like a module of callbacks and that nothing has imported.

    They lie in the working directory, in a package there, or beside ``pixels.py`` as
    `autodiscover` looks for it.
    """
    places = {Path.cwd(), *_find_places()}
    files = {file for place in places for file in place.glob("*.py")}
    files |= set(Path.cwd().glob(f"*/{MODULE}.py"))
    paths = [getattr(each, "__file__", None) for each in [*sys.modules.values()]]
    # Either of them may have come by a link, such as that to the current release.
    imported = {_identify(path) for path in paths if path} - {None}
    for file in files:
        is_like = get_close_matches(file.stem.lower(), [MODULE], 1, 0.8)
        if is_like and _identify(file) not in imported:
            yield file


def _identify(path: str | Path) -> tuple[int, int] | None:
    """Return what is the same for all paths to a file; ``None`` if there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _find_places() -> Iterator[Path]:
    """Yield the directories of the site's apps and of the project's package."""
    if not conf.uses_django():
        return
    from django.apps import apps  # Only under Django.

    if apps.ready:
        yield from (Path(each.path) for each in apps.get_app_configs())
    for package in find_project_packages():
        for path in getattr(sys.modules.get(package), "__path__", ()):
            yield from (Path(path), Path(path).parent)
