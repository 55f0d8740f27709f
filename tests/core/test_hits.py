"""ptrack.core.hits: what tells one hit from the next."""

from types import SimpleNamespace
from uuid import RFC_4122

import pytest

import ptrack
from ptrack.core import hits
from ptrack.wsgi import PtrackWSGIMiddleware
from tests.adapters import Request, environ_of


def of_new_request():
    return ptrack.hit(SimpleNamespace(META={}))


def test_hit_is_the_same_for_all_who_ask_of_one_request():
    request = SimpleNamespace(META={})
    assert ptrack.hit(request) is ptrack.hit(request)


def test_two_requests_are_two_hits():
    assert len({of_new_request().id for _ in range(1000)}) == 1000


def test_id_is_a_uuid_of_version_7():
    found = of_new_request().id
    assert (found.version, found.variant) == (7, RFC_4122)


def at_times(monkeypatch, *seconds):
    """Return a new hit of each of these times."""
    found = []
    for each in seconds:
        monkeypatch.setattr(hits.time, "time", lambda each=each: each)
        found.append(of_new_request())
    monkeypatch.undo()
    return found


def test_ids_sort_by_time(monkeypatch):
    found = [each.id for each in at_times(monkeypatch, 1.5, 1.501, 1.6, 1e9)]
    assert found == sorted(found)


@pytest.mark.parametrize("seconds", [0.0, 1.5, 1795735620.8989997, 2e9])
def test_time_is_that_of_the_first_asking_in_utc(monkeypatch, seconds):
    """And the first 48 bits of the id are its milliseconds, however it is rounded."""
    [found] = at_times(monkeypatch, seconds)
    assert abs(found.at.timestamp() - seconds) < 1e-6
    assert found.at.utcoffset().total_seconds() == 0
    assert found.id.int >> 80 == int(found.at.timestamp() * 1000)


def test_callbacks_of_a_request_get_the_same(own_tracker):
    found = []

    class Asking(ptrack.TrackingPixel):
        def record(self, request, *args, **kwargs):
            found.append(ptrack.hit(request))

    own_tracker.register(type("First", (Asking,), {}))
    own_tracker.register(type("Second", (Asking,), {}))
    tracking = PtrackWSGIMiddleware(None, tracker=own_tracker)
    path = tracking.pixel_url().removeprefix("https://www.example.com")
    for _ in range(2):
        request = environ_of(Request(path=path.encode()))
        tracking(request, lambda status, headers: None)
    assert found[0] is found[1]
    assert found[2] is found[3]
    assert found[0].id != found[2].id
