"""What the log says when a process starts: servers run no system checks."""

import logging
from collections.abc import Iterable

from . import conf
from .conf import Configuration
from .core.callbacks import Tracker
from .core.logs import escape, log
from .core.tokens import KEY_SIZE
from .discovery import explain_missing_callbacks


def warn_of_settings(configuration: Configuration) -> None:
    """Warn of short secrets, and outside Django of variables without an effect.

    Under Django, system checks warn of the settings.

    Args:
        configuration: The values in force, which have to be good.
    """
    for secret in conf.find_short_secrets(configuration):
        log(
            logging.WARNING,
            "%s is shorter than %d bytes: anyone who has a URL can guess it offline",
            secret.name,
            KEY_SIZE,
        )
    if conf.uses_django():
        return
    for name, part in conf.find_idle_settings(configuration):
        log(logging.WARNING, "%s has no effect without %s", name, part.name)
    for name, meant in conf.find_unknown_variables().items():
        shown = escape(name)
        if meant is None:
            log(logging.WARNING, "%s is no setting of ptrack", shown)
        else:
            log(logging.WARNING, "%s is no setting of ptrack: %s is one", shown, meant)


def warn_of_callbacks(tracker: Tracker) -> None:
    """Warn if a process that answers requests has no callback.

    Args:
        tracker: The registry whose callbacks hits run.
    """
    if not tracker.callbacks and conf.uses_django():
        _import_urlconf()
    if not tracker.callbacks:
        log(
            logging.WARNING,
            "No callback is registered, so every hit is answered and thrown away. %s",
            explain_missing_callbacks(),
        )


def _import_urlconf() -> None:
    """Import the URLconf, whose modules may register callbacks."""
    # Without a prefix that is set, it was imported when that was searched for.
    if conf.get_django("PTRACK_PREFIX") is not None:
        conf.find_include()


def warn_of_missing_engine(names: Iterable[str]) -> None:
    """Warn of callbacks for the background where no engine is set.

    Args:
        names: The names of their classes.
    """
    for name in names:
        log(
            logging.WARNING,
            "%s is to run in the background, and runs in the request: no engine is "
            "set (PTRACK_BACKGROUND)",
            name,
        )
