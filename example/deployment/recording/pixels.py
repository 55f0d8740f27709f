"""The callbacks: a worker writes a row for each open and each click."""

import ptrack
from ptrack.stats.recording import RecordClick, RecordOpen


def add_request_id(request, fields):
    """Add the id that nginx gave the request, which it may send to two mirrors."""
    request_id = request.META.get("HTTP_X_REQUEST_ID", "")
    return {**fields, "kwargs": {**fields["kwargs"], "request_id": request_id}}


@ptrack.tracker.register
class Opens(RecordOpen):
    background = True

    def get_fields(self, request, /, *args, **kwargs):
        fields = super().get_fields(request, *args, **kwargs)
        return add_request_id(request, fields)


@ptrack.tracker.register
class Clicks(RecordClick):
    background = True

    def get_fields(self, request, url, /, *args, **kwargs):
        fields = super().get_fields(request, url, *args, **kwargs)
        return add_request_id(request, fields)
