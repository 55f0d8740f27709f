"""ptrack.background.worker: jobs are done; a failure is logged and raised."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

import ptrack
from ptrack.background import worker
from ptrack.core.callbacks import Tracker
from ptrack.core.hits import Hit
from ptrack.core.jobs import write_job
from ptrack.core.kinds import PIXEL
from ptrack.exceptions import PtrackRecordingError, PtrackRegistrationError
from ptrack.requests import PixelRequest
from tests.core.test_secrecy import show_ptrack
from tests.processes import run_python


def write_job_for(callback: type | str, *args: Any, **kwargs: Any) -> str:
    headers = {"User-Agent": "Mail/1", "Host": "www.example.com"}
    request = PixelRequest.blank("/ptrack/x/?a=1", headers=headers)
    name = callback
    if not isinstance(name, str):
        name = f"{name.__module__}.{name.__qualname__}"
    return write_job(name, Hit(PIXEL, request, args, kwargs))


def test_callback_gets_an_equal_request(own_tracker: Tracker):
    found = []

    @own_tracker.register
    class Slow(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            found.append((request, args, kwargs))

    worker.perform(write_job_for(Slow, 1, key=2))
    ((request, args, kwargs),) = found
    assert (args, kwargs) == ((1,), {"key": 2})
    assert (request.method, request.path, dict(request.GET)) == (
        "GET",
        "/ptrack/x/",
        {"a": "1"},
    )
    assert request.META["HTTP_USER_AGENT"] == request.headers["user-agent"] == "Mail/1"
    assert request.url == "http://www.example.com/ptrack/x/?a=1"
    # Left out of the job, and empty for a callback that asks for them.
    assert (request.body, dict(request.cookies)) == (b"", {})


def test_async_callback_is_awaited(own_tracker: Tracker):
    found = []

    @own_tracker.register
    class Slow(ptrack.TrackingPixel):
        background = True

        async def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0)
            found.append(args)

    worker.perform(write_job_for(Slow, 1))
    assert found == [(1,)]


def test_job_is_done_though_its_class_no_longer_runs_in_the_background(
    own_tracker: Tracker,
):
    """It was enqueued before the class changed."""
    found = []

    @own_tracker.register
    class Quick(ptrack.TrackingPixel):
        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            found.append(args)

    worker.perform(write_job_for(Quick, 1))
    assert found == [(1,)]


@pytest.mark.parametrize("error", [KeyError("token"), asyncio.CancelledError()])
def test_failure_of_a_callback_is_logged_and_raised(
    error: BaseException, own_tracker: Tracker, caplog: pytest.LogCaptureFixture
):
    @own_tracker.register
    class Failing(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise error

    with pytest.raises(PtrackRecordingError, match=r"Failing failed$") as caught:
        worker.perform(write_job_for(Failing))
    # The engine's log of it shows no more than that.
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
        worker.perform(write_job_for(Failing))
    assert failed == own_tracker.in_background


def test_error_about_a_missing_callback_says_the_remedy(
    caplog: pytest.LogCaptureFixture,
):
    with pytest.raises(PtrackRegistrationError, match="import the pixels there"):
        worker.perform(write_job_for("shop.pixels.Gone"))
    assert [each.getMessage() for each in caplog.records] == [
        "A worker got a hit for shop.pixels.Gone, and doesn't have it registered"
    ]


@pytest.mark.parametrize("name", ["a\nWARNING b", "\x1b[2J", "\ud800", "x" * 1000])
def test_name_of_a_missing_callback_is_one_short_line_of_the_log(
    name: str, caplog: pytest.LogCaptureFixture
):
    """Celery logs the error's message, too."""
    with pytest.raises(PtrackRegistrationError) as caught:
        worker.perform(write_job_for(name))
    for message in (*caplog.messages, str(caught.value)):
        assert message.isprintable()
        assert len(message) < 300


def test_name_of_a_callback_that_fails_is_one_short_line_too(own_tracker: Tracker):
    class Failing(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise KeyError

    Failing.__qualname__ = "\n" * 999
    Failing.__module__ = ""
    own_tracker.register(Failing)
    with pytest.raises(PtrackRecordingError) as caught:
        worker.perform(write_job_for(Failing))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_worker_outside_django_imports_the_pixels_itself(tmp_path: Path):
    (tmp_path / "pixels.py").write_text(
        "import ptrack\n"
        "@ptrack.tracker.register\n"
        "class Slow(ptrack.TrackingPixel):\n"
        "    background = True\n"
        "    def record(self, request, *args): print(request.path, *args)\n"
    )
    out = run_python(
        "import sys; sys.path.insert(0, '')\n"
        "from ptrack.background import worker\n"
        f"worker.perform({write_job_for('pixels.Slow', 1)!r})\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'django'])\n",
        cwd=tmp_path,
    )
    assert out.splitlines() == ["/ptrack/x/ 1", "[]"]


def test_text_that_is_no_job_is_refused():
    with pytest.raises(ValueError, match="not a job"):
        worker.perform("garbage")


def test_no_frame_of_ptrack_holds_a_job_that_cannot_be_read():
    """Error trackers send the variables of frames."""
    with pytest.raises(ValueError, match="not a job") as caught:
        worker.perform("carried")
    assert "carried" not in show_ptrack(caught.value)


def test_no_frame_of_ptrack_holds_the_job_when_it_fails(own_tracker: Tracker):
    """Error trackers show what frames hold."""

    @own_tracker.register
    class Failing(ptrack.TrackingPixel):
        background = True

        def record(self, request: Any, *args: Any, **kwargs: Any) -> None:
            raise KeyError

    with pytest.raises(PtrackRecordingError) as caught:
        worker.perform(write_job_for(Failing, "carried"))
    trace = caught.value.__traceback__
    found: list[Any] = []
    while trace:
        if trace.tb_frame.f_globals["__name__"].startswith("ptrack."):
            found += trace.tb_frame.f_locals.values()
        trace = trace.tb_next
    assert found
    assert not any("carried" in repr(each) for each in found)
