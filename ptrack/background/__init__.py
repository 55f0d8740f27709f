"""The engines by name; each is in a module of its own, with the library it is for."""

import inspect
from importlib import import_module
from typing import Any

from ptrack.background.handover import Engine
from ptrack.exceptions import PtrackConfigurationError

# By the name of the extra that brings what they need.
_MODULES = {"celery": "ptrack.background.celery", "tasks": "ptrack.background.tasks"}


class LazyEngine:
    """An engine that is made when it is first needed: what only sends needs none.

    Args:
        spec: ``"celery"``, ``"tasks"``, one of these with a colon and the app or the
            backend behind it, the dotted path of a class, or an `Engine`.
        queue: The name of the queue; the engine's default one if ``None``.
    """

    def __init__(self, spec: Any, queue: str | None = None) -> None:
        self._spec = spec
        self._queue = queue
        self._engine: Engine | None = None

    def load(self) -> Engine:
        """Make the engine, or say why it can't be made.

        Raises:
            PtrackConfigurationError: It isn't installed, or not set up.
        """
        if self._engine is None:
            self._engine = engine(self._spec, self._queue)
        return self._engine

    def enqueue(self, job: str) -> None:
        """Take a job: see `Engine.enqueue`."""
        (self._engine or self.load()).enqueue(job)


def engine(spec: Any, queue: str | None = None) -> Engine:
    """Give an engine: see `LazyEngine`.

    Raises:
        PtrackConfigurationError: It isn't installed, or not set up.
    """
    if not isinstance(spec, str):
        return _checked(spec)
    name, _, argument = spec.partition(":")
    if name in _MODULES:
        made: Engine = load(name).engine(argument or None, queue)
        return made
    return _checked(_made(spec))


def load(name: str) -> Any:
    """Give the module of a named engine.

    Raises:
        PtrackConfigurationError: What it is for isn't installed.
    """
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


def _made(path: str) -> Any:
    kind = imported(path, 'is neither "celery" nor "tasks", nor the path of a class')
    try:
        return kind()
    except Exception as error:
        raise PtrackConfigurationError(
            f"PTRACK_BACKGROUND: {path} can't be made ({type(error).__name__}: {error})"
        ) from error


def imported(path: str, otherwise: str) -> Any:
    """Give what is at a dotted path.

    Args:
        path: The path.
        otherwise: What to say of it if it has no dot.

    Raises:
        PtrackConfigurationError: There is nothing.
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


def _checked(made: Any) -> Engine:
    if inspect.isclass(made):
        raise PtrackConfigurationError(
            f"PTRACK_BACKGROUND: {made.__name__} is a class: give an object of it, or "
            "its dotted path"
        )
    name = type(made).__name__
    if not isinstance(made, Engine):
        raise PtrackConfigurationError(
            f"PTRACK_BACKGROUND: {name} is no engine: it needs a method enqueue(job)"
        )
    if inspect.iscoroutinefunction(made.enqueue):
        raise PtrackConfigurationError(
            f"PTRACK_BACKGROUND: nobody would wait for {name}: its enqueue(job) must "
            "not be async"
        )
    return made
