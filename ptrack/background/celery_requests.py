"""The jobs of a Celery worker, as its main process sees them."""

from typing import Any

from billiard.einfo import ExceptionInfo
from celery.exceptions import Reject, SoftTimeLimitExceeded
from celery.worker.request import Request as _Request


class Request(_Request):
    """A job that goes back to the queue if a soft time limit ended it.

    Inside the task the limit is an exception like any other. But it may also come
    before the task's first line, while it sends the job again, or after its last line;
    Celery would then drop the job. A task names such a class as its ``Request``:
    https://docs.celeryq.dev/en/stable/userguide/tasks.html#requests-and-custom-requests
    """

    def on_failure(
        self,
        exc_info: ExceptionInfo,
        send_failed_event: bool = True,
        return_ok: bool = False,
    ) -> Any:
        """Take a failure that the task hasn't turned into a further attempt."""
        # Its type: a pool without processes wraps the exception itself.
        if exc_info.type is SoftTimeLimitExceeded:
            exc_info.exception = Reject("SoftTimeLimitExceeded", requeue=True)
        return super().on_failure(exc_info, send_failed_event, return_ok)
