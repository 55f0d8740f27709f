"""Threads and processes: one makes a change or a token while the others serve."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import setting_changed
from django.test import RequestFactory
from django.test.utils import override_settings

import ptrack
from ptrack import endpoints
from ptrack.core.answers import GIF
from ptrack.core.callbacks import Tracker
from ptrack.core.tokens import TokenBox
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.processes import run_python
from tests.recording import Recorder
from tools.soak import nonces

A, B, C = (letter * 32 for letter in "abc")
THREADS, HITS = 4, 200


@pytest.fixture(autouse=True)
def restless() -> Iterator[None]:
    """Let threads take turns a thousand times as often as they would."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(interval / 1000)
    yield
    sys.setswitchinterval(interval)


class Serving:
    """Threads that send hits to a WSGI app, each its own, until the block ends."""

    def __init__(self, app: Any, *secrets: str) -> None:
        self._app = app
        self._boxes = [TokenBox(secret) for secret in secrets]
        self._threads = [
            threading.Thread(target=self._serve, args=(number,))
            for number in range(THREADS)
        ]
        self.sent: list[tuple[int, int]] = []
        self.wrong: list[Any] = []

    def __enter__(self) -> "Serving":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()

    @property
    def goes_on(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _serve(self, thread: int) -> None:
        for number in range(HITS):
            box = self._boxes[number % len(self._boxes)]
            try:
                body = hit(self._app, box.encrypt(thread, number))
            except Exception as error:
                self.wrong.append(error)
            else:
                self.sent.append((thread, number))
                if body != GIF:
                    self.wrong.append(body)


def hit(app: Any, token: str) -> bytes:
    environ = RequestFactory().get(f"/ptrack/{token}/").environ
    response = app(environ, lambda status, headers, *_: None)
    body = b"".join(response)
    getattr(response, "close", lambda: None)()
    return body


def count_calls(recorder: Recorder) -> Counter[Any]:
    return Counter(args for args, _ in recorder.hits)


# -- threads --------------------------------------------------------------------------


def test_registering_while_serving_costs_no_hit():
    """Callbacks come and go; one stays and gets each hit once, the others at most."""
    tracker = Tracker()
    staying = register_recorder(tracker)
    coming: list[Recorder] = []
    app = PtrackWSGIMiddleware(None, secret=A, tracker=tracker)
    with Serving(app, A) as serving:
        while serving.goes_on:
            with_it = register_recorder(tracker)
            coming.append(with_it)
            hit(app, TokenBox(A).encrypt("main", len(coming)))
            tracker.unregister(with_it.pixel)
    assert serving.wrong == []
    hits = count_calls(staying)
    assert set(hits) - set(serving.sent) == {
        ("main", number + 1) for number in range(len(coming))
    }
    assert set(hits.values()) == {1}
    for number, recorder in enumerate(coming):
        found = count_calls(recorder)
        assert found["main", number + 1] == 1
        assert set(found.values()) == {1}
    assert len(coming) > 1


def register_recorder(tracker: Tracker) -> Recorder:
    recorder = Recorder()

    class Recording(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            recorder(request, *args, **kwargs)
            # In the midst of the callbacks, let another thread change them.
            time.sleep(0)

    recorder.pixel = tracker.register(Recording)
    return recorder


class Overridable:
    """Django's settings, of which some can be overridden while others are read.

    ``override_settings`` replaces all settings at once: a thread that asks for one in
    between finds none, and fails in Django before ptrack is called.
    """

    def __init__(self, **values: Any) -> None:
        vars(self).update(values)

    def __getattr__(self, name: str) -> Any:
        return getattr(settings, name)

    @contextmanager
    def override(self, name: str, value: Any) -> Iterator[None]:
        before = getattr(self, name)
        self._set(name, value)
        try:
            yield
        finally:
            self._set(name, before)

    def _set(self, name: str, value: Any) -> None:
        setattr(self, name, value)
        setting_changed.send(type(self), setting=name, value=value, enter=True)


def test_settings_overridden_while_serving_cost_no_hit(
    monkeypatch: pytest.MonkeyPatch, recorder
):
    """A token that all settings can read is recorded once; overrides take effect."""
    own = Overridable(PTRACK_SECRET=A, PTRACK_SECRET_FALLBACKS=[B])
    monkeypatch.setattr("django.conf.settings", own)
    # The first override drops the present endpoint, and the last one its successors.
    with own.override("PTRACK_SECRET", A):
        app = WSGIHandler()
        overridden = 0
        with Serving(app, A, B) as serving:
            while serving.goes_on:
                overridden += 1
                with own.override("PTRACK_SECRET_FALLBACKS", [B, C]):
                    hit(app, TokenBox(C).encrypt("with", overridden))
                hit(app, TokenBox(C).encrypt("without", overridden))
    assert serving.wrong == []
    hits = count_calls(recorder)
    assert set(hits) == set(serving.sent) | {
        ("with", number + 1) for number in range(overridden)
    }
    assert set(hits.values()) == {1}
    assert overridden > 1


def test_hit_that_an_override_overtakes_does_not_bring_the_old_settings_back(
    monkeypatch: pytest.MonkeyPatch, recorder
):
    """A thread reads the settings, is halted, and goes on after they have changed."""
    reading, changed = threading.Event(), threading.Event()
    build = endpoints.build

    def build_and_wait(*args: Any, **kwargs: Any) -> Any:
        found = build(*args, **kwargs)
        if threading.current_thread().name == "overtaken":
            reading.set()
            assert changed.wait(10)
        return found

    monkeypatch.setattr(endpoints, "build", build_and_wait)
    app = WSGIHandler()
    with override_settings(PTRACK_SECRET=A):
        arguments = (app, TokenBox(A).encrypt("old"))
        slow = threading.Thread(target=hit, args=arguments, name="overtaken")
        slow.start()
        assert reading.wait(10)
        with override_settings(PTRACK_SECRET=B):
            changed.set()
            slow.join()
            hit(app, TokenBox(B).encrypt("new"))
            assert count_calls(recorder) == {("old",): 1, ("new",): 1}


# -- processes ------------------------------------------------------------------------

FORKING = """
import os, threading
from ptrack.core.tokens import TokenBox
box = TokenBox("s" * 32)

def make(count, found):
    for number in range(count):
        found.append(box.encrypt(number)[:32])

found = []
make(500, found)
pipes = []
for _ in range(8):
    out, into = os.pipe()
    if not os.fork():
        found.clear()
        threads = [threading.Thread(target=make, args=(500, found)) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        with open(into, "w") as pipe:
            pipe.write("".join(found))
        os._exit(0)
    os.close(into)
    pipes.append(out)
for out in pipes:
    with open(out) as pipe:
        text = pipe.read()
    found += [text[start:start + 32] for start in range(0, len(text), 32)]
    os.wait()
print(len(found), len(set(found)))
"""


def test_nonces_never_repeat_across_forks_and_threads():
    """Eight processes, forked after the parent has made tokens, four threads each."""
    assert run_python(FORKING).split() == ["16500", "16500"]


def test_nonces_never_repeat_among_the_workers_of_a_preloading_server():
    """``python -m tools.soak nonces`` does the same with a million tokens."""
    found = nonces.run(20_000)
    assert (found.tokens, found.repeated) == (21_000, 0)
    assert found.processes == nonces.PROCESSES
