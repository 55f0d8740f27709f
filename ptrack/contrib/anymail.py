"""Opens and clicks as the events that django-anymail makes of a provider's webhooks.

Receivers of ``anymail.signals.tracking`` stay as they are. Needs the extra ``anymail``:
django-anymail, and the libraries of `ptrack.agents`. In a ``pixels.py``::

    import ptrack
    from ptrack.contrib.anymail import Clicked, Opened

    ptrack.tracker.register(Opened)
    ptrack.tracker.register(Clicked)

The attributes of an event (https://anymail.dev/en/stable/sending/tracking/) come from
the keywords that a pixel or link was made with, and from the hit:

===============  ===================================================================
``recipient``    the keyword ``recipient``: an address, without a name
``tags``         the keyword ``tags``: a list of texts, or one text
``message_id``   the keyword ``message_id``: an id of your own, because a provider's is
                 known only when the mail exists already
``metadata``     the keyword ``metadata``, a dict, and all other keywords; and under
                 ``"ptrack"`` the agent of the request, as `ptrack.agents` knows it:
                 ``{"cause": "person", "kind": "mail_proxy", "name": "Gmail",
                 "on_open": True}``. A keyword or an entry of yours of that name stays,
                 without the agent, and the log says so once.
``esp_event``    ``{"args": [...], "kwargs": {...}}``, all arguments
``event_id``     the hit's id, in hex: see `ptrack.hit`
``click_url``    the link's target
``timestamp``    the time at which the request came, in UTC, also in a worker
``user_agent``   the request's
===============  ===================================================================

The other attributes are not set. Signals are sent with ``esp_name="ptrack"``.
"""

import functools
import logging
from collections.abc import Mapping
from typing import Any

from ptrack import TrackingLink, TrackingPixel, hit
from ptrack.core.hits import read_header
from ptrack.core.logs import log
from ptrack.exceptions import PtrackDependencyError

try:
    from anymail.signals import AnymailTrackingEvent, EventType, tracking

    from ptrack.agents import Agent, identify
except (ModuleNotFoundError, PtrackDependencyError) as error:
    raise PtrackDependencyError(
        "ptrack.contrib.anymail needs django-anymail and the libraries of "
        'ptrack.agents: pip install "django-ptrack[anymail]"'
    ) from error

ESP_NAME = "ptrack"

AGENT_KEY = "ptrack"
"""The key of the request's agent in an event's ``metadata``."""


class Opened(TrackingPixel):
    """Sends an event ``opened`` for every hit of a pixel."""

    def record(self, request: Any, /, *args: Any, **kwargs: Any) -> None:
        """Send the event to all receivers, even if one fails.

        Raises:
            Exception: The first receiver that failed raised it.
        """
        event = _make_event(request, args, kwargs, event_type=EventType.OPENED)
        _send(type(self), event)


class Clicked(TrackingLink):
    """Sends an event ``clicked`` for every click on a link."""

    def record(self, request: Any, url: str, /, *args: Any, **kwargs: Any) -> None:
        """Send the event, as `Opened.record` does."""
        event = _make_event(
            request, args, kwargs, event_type=EventType.CLICKED, click_url=url
        )
        _send(type(self), event)


def _make_event(
    request: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], **more: Any
) -> Any:
    others = dict(kwargs)
    recipient = others.pop("recipient", None)
    message_id = others.pop("message_id", None)
    tags = others.pop("tags", None)
    found = hit(request)
    return AnymailTrackingEvent(
        recipient=recipient,
        message_id=message_id,
        tags=_list_tags(tags),
        metadata=_add_agent(_merge_metadata(others), identify(request)),
        timestamp=found.at,
        user_agent=read_header(request.META, "HTTP_USER_AGENT") or None,
        event_id=found.id.hex,
        # In JSON's types: receivers may store it.
        esp_event={"args": list(args), "kwargs": dict(kwargs)},
        **more,
    )


def _list_tags(tags: Any) -> list[Any]:
    if tags is None:
        return []
    return list(tags) if isinstance(tags, list) else [tags]


def _merge_metadata(others: dict[str, Any]) -> dict[str, Any]:
    metadata = others.get("metadata")
    if not isinstance(metadata, dict):
        # Of another type, it is a keyword like any other.
        return others
    del others["metadata"]
    return {**metadata, **others}


def _add_agent(metadata: dict[str, Any], agent: Agent) -> dict[str, Any]:
    if AGENT_KEY in metadata:
        _warn_of_own_entry()
        return metadata
    # In JSON's types: receivers may store it.
    names = ("cause", "kind", "name", "on_open")
    return {**metadata, AGENT_KEY: {name: getattr(agent, name) for name in names}}


@functools.cache
def _warn_of_own_entry() -> None:
    log(
        logging.WARNING,
        "Events for Anymail lack the agent: their metadata has an entry %r of your own",
        AGENT_KEY,
    )


def _send(sender: type, event: Any) -> None:
    """Send the signal.

    Anymail's own views let the first error end the request, so that the provider sends
    it again. Nobody sends a hit again, so all receivers get the event first.
    """
    results = tracking.send_robust(sender=sender, event=event, esp_name=ESP_NAME)
    for _, result in results:
        if isinstance(result, Exception):
            raise result
