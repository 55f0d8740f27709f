"""The callbacks that write the rows: register them, or subclasses, in ``pixels.py``."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

import ptrack
from ptrack import conf
from ptrack.core.hits import read_environ, read_header
from ptrack.privacy import shorten_ip

from . import storage
from .keys import find_key
from .models import Click, Open, Row
from .writing import write


class RecordOpen(ptrack.TrackingPixel):
    """Keeps each open as a row of `Open`."""

    def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
        """Write the row, and return when it is committed."""
        fields = self.get_fields(request, *args, **kwargs)
        if fields is not None:
            write(make_row(Open, request, fields), isinstance(request, HttpRequest))

    def get_fields(
        self, request: Any, /, *args: Any, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Return the values to keep of an open; override it to keep other ones.

        Args:
            request: The request for the pixel: an object with ``META``.
            args: The positional arguments that the pixel was made with.
            kwargs: Its keyword arguments.

        Returns:
            Values of the model's ``args``, ``kwargs``, ``user_agent`` and ``ip``, of
            any length; ``None`` to keep no row. Id, time and key are added to them.
        """
        return {**_read_request(request), "args": args, "kwargs": kwargs}


class RecordClick(ptrack.TrackingLink):
    """Keeps each click as a row of `Click`."""

    def record(self, request: Any, url: str, /, *args: Any, **kwargs: Any) -> None:
        """Write the row, and return when it is committed."""
        fields = self.get_fields(request, url, *args, **kwargs)
        if fields is not None:
            write(make_row(Click, request, fields), isinstance(request, HttpRequest))

    def get_fields(
        self, request: Any, url: str, /, *args: Any, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Return the values to keep of a click; override it to keep other ones.

        Args:
            request: The request for the link: an object with ``META``.
            url: The link's target.
            args: The positional arguments that the link was made with.
            kwargs: Its keyword arguments.

        Returns:
            Values as those of an open, and of the model's ``url``.
        """
        return {**_read_request(request), "url": url, "args": args, "kwargs": kwargs}


def make_row(model: type[Row], request: Any, fields: Mapping[str, Any]) -> Row:
    """Return the row of a hit, with values that any database can hold.

    Args:
        model: `Open` or `Click`.
        request: The request of the hit.
        fields: Values of the model's fields.

    Raises:
        ValueError: One is ``None``, and its field can't be.
    """
    texts = {name: fields[name] for name in fields.keys() - {"args", "kwargs"}}
    values: dict[str, Any] = {name: _clean(name, texts[name]) for name in texts}
    values["args"] = storage.clean_list(fields.get("args", ()))
    values["kwargs"] = storage.clean_dict(fields.get("kwargs", {}))
    _refuse_none(model, values)
    hit = ptrack.hit(request)
    key = find_key(values["kwargs"], conf.get("PTRACK_STATS_KEY"))
    return model(id=hit.id, at=storage.clean_time(hit.at), key=key, **values)


def _read_request(request: Any) -> dict[str, Any]:
    user_agent = read_header(read_environ(request), "HTTP_USER_AGENT")
    return {"user_agent": user_agent, "ip": _find_ip(request)}


def _find_ip(request: Any) -> str | None:
    length = conf.get("PTRACK_STATS_IP")
    if not length:
        return None
    from ptrack.agents import client_ip  # It needs an extra.

    ip = client_ip(request)
    return ip if not ip or length == "full" else shorten_ip(ip)


def _clean(name: str, value: Any) -> str | None:
    if value is None:
        return None
    return storage.clean_ip(value) if name == "ip" else storage.clean_text(str(value))


def _refuse_none(model: type[Row], values: Mapping[str, Any]) -> None:
    # The error of the database would show all values of the row.
    for field in model._meta.concrete_fields:
        if values.get(field.name, "") is None and not field.null:
            raise ValueError(f"{field.name} can't be None: leave it out, or empty")
