"""An endpoint for a test, encoders and an engine, and both ways to ask it."""

import asyncio
import json
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from ptrack.core.answers import Answer
from ptrack.core.callbacks import Tracker
from ptrack.core.endpoint import Endpoint
from ptrack.core.tokens import TokenBox

SECRET = "s" * 32
HOST = "https://www.example.com"
BOX = TokenBox(SECRET)


class Request:
    """A request with the variables of CGI that the endpoint looks at."""

    def __init__(self, query: str = "", **meta: str) -> None:
        self.META = {"QUERY_STRING": query, **meta}


class JsonEncoder:
    """A custom encoder that hides nothing."""

    @staticmethod
    def encrypt(*args: Any, **kwargs: Any) -> str:
        return urlsafe_b64encode(json.dumps([args, kwargs]).encode()).decode()

    @staticmethod
    def decrypt(token: str) -> Any:
        return json.loads(urlsafe_b64decode(token))


class CommaEncoder:
    """A custom encoder that takes any text for a token; its tokens need quoting."""

    @staticmethod
    def encrypt(*args: Any, **kwargs: Any) -> str:
        return ",".join(map(str, args))

    @staticmethod
    def decrypt(token: str) -> Any:
        return token.split(","), {}


class KeepingEngine:
    """An engine that keeps its jobs, or refuses them.

    Args:
        error: Raised for each job.
    """

    def __init__(self, error: BaseException | None = None) -> None:
        self.jobs: list[str] = []
        self.threads: list[threading.Thread] = []
        self._error = error

    def enqueue(self, job: str) -> None:
        self.threads.append(threading.current_thread())
        if self._error is not None:
            raise self._error
        self.jobs.append(job)


def make_endpoint(
    encoder: Any = None, box: TokenBox | None = BOX, **options: Any
) -> Endpoint:
    """Return an endpoint with a registry of its own.

    Args:
        encoder: A custom encoder.
        box: The box for the secrets.
        options: Further arguments of `Endpoint`.
    """
    given = {"tracker": Tracker(), "prefix": "/ptrack/", "app_url": HOST}
    return Endpoint(box, encoder=lambda: encoder, **(given | options))


def answer_sync(
    endpoint: Endpoint, method: str, token: str, request: Any = "request"
) -> Answer:
    """Have a request answered as a sync adapter does."""
    return endpoint.answer(method, token, lambda: request)


def answer_async(
    endpoint: Endpoint, method: str, token: str, request: Any = "request"
) -> Answer:
    """Have a request answered as an adapter under an event loop does."""
    return asyncio.run(endpoint.aanswer(method, token, lambda: request))


either_way = pytest.mark.parametrize("answer", [answer_sync, answer_async])
both_encoders = pytest.mark.parametrize(
    "encoder", [None, JsonEncoder], ids=["default", "custom"]
)
