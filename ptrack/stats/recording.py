"""The callbacks that write the rows: register them, or subclasses, in ``pixels.py``."""

from collections.abc import Mapping
from typing import Any

import ptrack
from ptrack import conf
from ptrack.core.environs import environ_of
from ptrack.core.environs import text as text_of
from ptrack.privacy import shorten_ip

from . import bulk, storable
from .keys import key_of
from .models import Click, Hit, Open


class RecordOpen(ptrack.TrackingPixel):
    """Keeps each open as a row of `Open`."""

    def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
        """Write the row, and return when it is committed."""
        fields = self.fields(request, *args, **kwargs)
        if fields is not None:
            bulk.write(row(Open, request, fields))

    def fields(
        self, request: Any, /, *args: Any, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Give what is kept of an open; override it to keep less, or other things.

        Args:
            request: What loaded the pixel: an object with ``META``.
            args: The positional arguments that the pixel was made with.
            kwargs: Its keyword arguments.

        Returns:
            Values of the model's ``args``, ``kwargs``, ``user_agent`` and ``ip``;
            ``None`` to keep no row. Id, time and key are added to them.
        """
        return {**_request_fields(request), "args": args, "kwargs": kwargs}


class RecordClick(ptrack.TrackingLink):
    """Keeps each click as a row of `Click`."""

    def record(self, request: Any, url: str, /, *args: Any, **kwargs: Any) -> None:
        """Write the row, and return when it is committed."""
        fields = self.fields(request, url, *args, **kwargs)
        if fields is not None:
            bulk.write(row(Click, request, fields))

    def fields(
        self, request: Any, url: str, /, *args: Any, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Give what is kept of a click, and its ``url``: see `RecordOpen.fields`."""
        return {**_request_fields(request), "url": url, "args": args, "kwargs": kwargs}


def row(model: type[Hit], request: Any, fields: Mapping[str, Any]) -> Hit:
    """Make the row of a hit, of values that any database can hold.

    Args:
        model: `Open` or `Click`.
        request: The hit's.
        fields: Values of the model's fields.

    Raises:
        ValueError: One is ``None`` where that can't be stored.
    """
    values = {name: _storable(value) for name, value in fields.items()}
    values["args"] = storable.array(fields.get("args", ()))
    values["kwargs"] = storable.mapping(fields.get("kwargs", {}))
    _refuse_none(model, values)
    found = ptrack.hit(request)
    key = key_of(values["kwargs"], conf.opens().key)
    return model(id=found.id, at=storable.time(found.at), key=key, **values)


def _request_fields(request: Any) -> dict[str, Any]:
    user_agent = text_of(environ_of(request), "HTTP_USER_AGENT")
    return {"user_agent": user_agent, "ip": _ip(request)}


def _ip(request: Any) -> str | None:
    asked = conf.opens().ip
    if asked is None:
        return None
    from ptrack.agents import client_ip

    found = client_ip(request)
    return shorten_ip(found) if found and asked == "short" else found


def _storable(value: Any) -> Any:
    return storable.text(value) if isinstance(value, str) else value


def _refuse_none(model: type[Hit], values: Mapping[str, Any]) -> None:
    # SQLite would leave the row out without a word: see `storable`.
    for field in model._meta.concrete_fields:
        if values.get(field.name, "") is None and not field.null:
            raise ValueError(f"{field.name} can't be None: leave it out, or empty")
