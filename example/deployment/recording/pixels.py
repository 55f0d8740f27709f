"""What is recorded: each open and each click is a row, written by a worker."""

import ptrack
from ptrack.opens.recording import RecordClick, RecordOpen


def with_request_id(request, fields):
    """Keep the id that nginx gave the request, which it may send to two mirrors."""
    request_id = request.META.get("HTTP_X_REQUEST_ID", "")
    return {**fields, "kwargs": {**fields["kwargs"], "request_id": request_id}}


@ptrack.tracker.register
class Opens(RecordOpen):
    background = True

    def fields(self, request, /, *args, **kwargs):
        return with_request_id(request, super().fields(request, *args, **kwargs))


@ptrack.tracker.register
class Clicks(RecordClick):
    background = True

    def fields(self, request, url, /, *args, **kwargs):
        return with_request_id(request, super().fields(request, url, *args, **kwargs))
