"""ptrack.background.worker: jobs are done, and what fails is told to the engine and the log."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

import ptrack
from ptrack.background import worker
from ptrack.core.callbacks import Tracker
from ptrack.core.jobs import job_of
from ptrack.exceptions import PtrackRecordingError, PtrackRegistrationError
from ptrack.requests import PixelRequest
from tests.adapters import Request, environ_of
from tests.processes import run_python


def request() -> PixelRequest:
    headers = (("User-Agent", "Mail/1"), ("Host", "www.example.com"))
    return PixelRequest(
        environ_of(Request(path=b"/ptrack/x/", query=b"a=1", headers=headers))
    )


def job_for(kind: type, *args: Any, **kwargs: Any) -> str:
    name = f"{kind.__module__}.{kind.__qualname__}"
    return job_of(name, request(), args, kwargs)


def test_callback_gets_the_equal_of_the_request(own_tracker: Tracker):
    found = []

    @own_tracker.register
    class Slow(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            found.append((request, args, kwargs))

    worker.perform(job_for(Slow, 1, key=2))
    ((told, args, kwargs),) = found
    assert (args, kwargs) == ((1,), {"key": 2})
    assert (told.method, told.path, dict(told.GET)) == (
        "GET",
        "/ptrack/x/",
        {"a": "1"},
    )
    assert told.META["HTTP_USER_AGENT"] == told.headers["user-agent"] == "Mail/1"
    assert told.url == "http://www.example.com/ptrack/x/?a=1"
    # Left out, and no trouble to who looks.
    assert (told.body, dict(told.cookies)) == (b"", {})


def test_async_callback_is_awaited(own_tracker: Tracker):
    found = []

    @own_tracker.register
    class Slow(ptrack.TrackingPixel):
        background = True

        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0)
            found.append(args)

    worker.perform(job_for(Slow, 1))
    assert found == [(1,)]


def test_job_that_was_enqueued_before_the_class_changed_is_done(own_tracker: Tracker):
    found = []

    @own_tracker.register
    class Quick(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            found.append(args)

    worker.perform(job_for(Quick, 1))
    assert found == [(1,)]


@pytest.mark.parametrize("error", [KeyError("token"), asyncio.CancelledError()])
def test_callback_that_fails_is_logged_and_the_engine_is_told(
    error: BaseException, own_tracker: Tracker, caplog: pytest.LogCaptureFixture
):
    @own_tracker.register
    class Failing(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise error

    with pytest.raises(PtrackRecordingError, match=r"Failing failed$") as caught:
        worker.perform(job_for(Failing))
    # What the engine logs of it shows nothing more.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_failure_is_counted(own_tracker: Tracker):
    failed = []

    class Counting(ptrack.Counters):
        def failed(self, callback: str) -> None:
            failed.append(callback)

    @own_tracker.register
    class Failing(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise KeyError

    own_tracker.counters = Counting()
    with pytest.raises(PtrackRecordingError):
        worker.perform(job_for(Failing))
    assert failed == own_tracker.in_background


def test_hit_for_what_is_not_registered_is_an_error_that_says_what_to_do(
    caplog: pytest.LogCaptureFixture,
):
    job = job_of("shop.pixels.Gone", request(), (), {})
    with pytest.raises(PtrackRegistrationError, match="import the pixels there"):
        worker.perform(job)
    assert [each.getMessage() for each in caplog.records] == [
        "A worker got a hit for shop.pixels.Gone, and doesn't have it registered"
    ]


def test_outside_django_a_worker_finds_the_pixels_itself(tmp_path: Path):
    (tmp_path / "pixels.py").write_text(
        "import ptrack\n"
        "@ptrack.tracker.register\n"
        "class Slow(ptrack.TrackingPixel):\n"
        "    background = True\n"
        "    def record(self, request, *args): print(request.path, *args)\n"
    )
    out = run_python(
        "import sys; sys.path.insert(0, '')\n"
        "from ptrack import worker\n"
        f"worker.perform({job_of('pixels.Slow', request(), (1,), {})!r})\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'django'])\n",
        cwd=tmp_path,
    )
    assert out.splitlines() == ["/ptrack/x/ 1", "[]"]


def test_what_is_no_job_is_refused():
    with pytest.raises(ValueError, match="not a job"):
        worker.perform("garbage")


def test_delays_grow_up_to_ten_minutes():
    delays = [worker.delay(failures) for failures in range(worker.ATTEMPTS)]
    assert delays[:4] == [1, 2, 4, 8]
    assert delays[-1] == max(delays) == 600


def test_no_frame_of_ptrack_holds_the_job_when_it_fails(own_tracker: Tracker):
    """Error trackers show what frames hold."""

    @own_tracker.register
    class Failing(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise KeyError

    with pytest.raises(PtrackRecordingError) as caught:
        worker.perform(job_for(Failing, "carried"))
    trace = caught.value.__traceback__
    found: list[Any] = []
    while trace:
        if trace.tb_frame.f_globals["__name__"].startswith("ptrack."):
            found += trace.tb_frame.f_locals.values()
        trace = trace.tb_next
    assert found
    assert not any("carried" in repr(each) for each in found)
