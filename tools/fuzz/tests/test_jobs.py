"""The harness of jobs: each of its rules can be broken, and that is noticed."""

import logging

import pytest

from ptrack.background import worker
from ptrack.core import jobs
from ptrack.core.hits import Hit
from tools.fuzz import seeds
from tools.fuzz.jobs import prepare

logger = logging.getLogger("ptrack")


def check(name: str) -> None:
    with prepare() as run:
        run(seeds.JOBS[name])


def break_rule(name: str) -> None:
    with pytest.raises(AssertionError):
        check(name)


def test_another_error_is_noticed(monkeypatch):
    def fail(text):
        raise KeyError("of the wrong kind")

    monkeypatch.setattr(jobs, "read_job", fail)
    with pytest.raises(KeyError):
        check("text")


def test_error_that_shows_the_job_is_noticed(monkeypatch):
    def fail(text):
        raise ValueError(text)

    monkeypatch.setattr(jobs, "read_job", fail)
    break_rule("text")


def test_job_that_is_not_done_is_noticed(monkeypatch):
    monkeypatch.setattr(worker, "_try", lambda job: ("x", True))
    break_rule("pixel")
    break_rule("text")


def test_other_arguments_are_noticed(monkeypatch):
    monkeypatch.setattr(Hit, "arguments", property(lambda hit: (hit.request, "other")))
    break_rule("pixel")


def test_job_that_is_none_and_is_done_is_noticed(monkeypatch):
    monkeypatch.setattr(jobs, "_check", lambda job: None)
    for name in ("pixel-with-target", "link-to-no-target", "args-as-an-object"):
        break_rule(name)


def test_line_that_is_two_is_noticed(monkeypatch):
    monkeypatch.setattr(worker, "_show", lambda name: name)
    break_rule("callback-of-two-lines")


def test_long_line_is_noticed(monkeypatch):
    monkeypatch.setattr(worker, "_SHOWN", 1000)
    monkeypatch.setitem(seeds.JOBS, "long", seeds._make_job(callback="x" * 900))
    break_rule("long")


def test_harness_leaves_the_log_as_it_was():
    before = (logger.propagate, list(logger.handlers))
    check("pixel")
    assert (logger.propagate, list(logger.handlers)) == before
