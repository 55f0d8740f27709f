"""Recording in the background: an engine takes hits to workers.

An engine is an object with a method ``enqueue(job)``. Celery's and that of Django's
Tasks are in modules of their own, which import the library that they are for.
"""

import contextlib
import inspect
from importlib import import_module
from typing import Any

from ptrack.core.engines import Engine
from ptrack.exceptions import PtrackConfigurationError

__all__ = ["Engine", "load_engine", "register_task"]

# By the name of the extra that brings the library.
_MODULES = {"celery": "ptrack.background.celery", "tasks": "ptrack.background.tasks"}


def load_engine(spec: Any, queue: str | None = None) -> Engine:
    """Return an engine.

    Args:
        spec: ``"celery"``, ``"tasks"``, one of these with a colon and the app or the
            backend behind it, the dotted path of a class, or an `Engine`.
        queue: The name of the queue; the engine's default one if ``None``.

    Raises:
        PtrackConfigurationError: There is no such engine, its library isn't installed,
            or it isn't set up.
    """
    if not isinstance(spec, str):
        return _check_engine(spec)
    name, _, argument = spec.partition(":")
    if name in _MODULES:
        made: Engine = _import_module(name).make_engine(argument or None, queue)
        return made
    return _check_engine(_instantiate(spec))


def register_task(spec: Any) -> None:
    """Register ptrack's task with Celery, if Celery is the engine.

    Args:
        spec: As for `load_engine`.
    """
    if isinstance(spec, str) and spec.partition(":")[0] == "celery":
        # If Celery isn't installed, the check or the first request says so.
        with contextlib.suppress(PtrackConfigurationError):
            _import_module("celery")


def _import_module(name: str) -> Any:
    try:
        return import_module(_MODULES[name])
    except ImportError as error:
        raise PtrackConfigurationError(
            f'PTRACK_BACKGROUND is "{name}", and that can\'t be imported ({error}): '
            f'pip install "django-ptrack[{name}]"'
        ) from error
    except Exception as error:
        # Tasks without Django, or with settings that it refuses.
        raise PtrackConfigurationError(
            f'PTRACK_BACKGROUND is "{name}", and that isn\'t set up: {error}'
        ) from error


def _instantiate(path: str) -> Any:
    otherwise = 'is neither "celery" nor "tasks", nor the path of a class'
    engine_class = import_path(path, otherwise)
    try:
        return engine_class()
    except Exception as error:
        raise PtrackConfigurationError(
            f"PTRACK_BACKGROUND: {path} can't be made ({type(error).__name__}: {error})"
        ) from error


def import_path(path: str, otherwise: str) -> Any:
    """Return the object at a dotted path.

    Args:
        path: The path.
        otherwise: The end of the error's sentence if the path has no dot.

    Raises:
        PtrackConfigurationError: There is no such object.
    """
    module, _, name = path.rpartition(".")
    if not module:
        raise PtrackConfigurationError(f"PTRACK_BACKGROUND: {path} {otherwise}")
    try:
        return getattr(import_module(module), name)
    except Exception as error:
        raise PtrackConfigurationError(
            f"PTRACK_BACKGROUND: {path} can't be imported "
            f"({type(error).__name__}: {error})"
        ) from error


def _check_engine(engine: Any) -> Engine:
    if inspect.isclass(engine):
        raise PtrackConfigurationError(
            f"PTRACK_BACKGROUND: {engine.__name__} is a class: assign an object of it, "
            "or its dotted path"
        )
    name = type(engine).__name__
    if not isinstance(engine, Engine):
        raise PtrackConfigurationError(
            f"PTRACK_BACKGROUND: {name} isn't an engine: it needs a method enqueue(job)"
        )
    if inspect.iscoroutinefunction(engine.enqueue):
        raise PtrackConfigurationError(
            f"PTRACK_BACKGROUND: nothing would wait for {name}: its enqueue(job) must "
            "not be async"
        )
    return engine
