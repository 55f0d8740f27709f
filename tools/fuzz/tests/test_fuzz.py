"""The fuzzing: its seeds pass, its checks can fail, and its command names a lack."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

import pytest

import ptrack.email
from ptrack.core.endpoint import make_tag
from ptrack.core.kinds import PIXEL
from ptrack.core.tokens import TokenBox
from ptrack.email import links, messages
from ptrack.shortcuts import make_short_url
from tests.processes import ROOT, make_environment
from tools.fuzz import HARNESSES, inputs, seeds

# Nothing gets past the authenticator in these.
OF_TOKENS = ("decryption", "requests")

CASES = [(harness, name) for harness in HARNESSES for name in seeds.SEEDS[harness]]


def prepare(harness: str) -> AbstractContextManager[Callable[[bytes], None]]:
    """Return a context with the function that raises if bytes break a rule."""
    module: Any = import_module(f"tools.fuzz.{harness}")
    return module.prepare()


@pytest.mark.parametrize(("harness", "name"), CASES)
def test_seed_breaks_no_rule(harness, name):
    with prepare(harness) as check:
        check(seeds.SEEDS[harness][name])


def test_stored_corpus_equals_the_seeds():
    for harness in HARNESSES:
        stored = (seeds.CORPUS / harness).iterdir()
        assert {path.name: path.read_bytes() for path in stored} == seeds.SEEDS[harness]


def test_seeds_have_hits_among_them(monkeypatch):
    """Otherwise no code behind the authenticator would be checked."""
    for harness, name in (("decryption", "sealed-arguments"), ("requests", "hit")):
        with prepare(harness) as check, monkeypatch.context() as patched:
            patched.setattr(TokenBox, "decrypt", lambda *_: ([], {}))
            with pytest.raises(AssertionError):
                check(seeds.SEEDS[harness][name])


def test_checks_notice_a_hit_with_a_forged_token(monkeypatch):
    monkeypatch.setattr(TokenBox, "decrypt", lambda *_: ([], {}))
    for harness in OF_TOKENS:
        with prepare(harness) as check, pytest.raises(AssertionError):
            check(seeds.SEEDS[harness]["forged"])


def test_checks_notice_another_error(monkeypatch):
    def failing(*_: Any) -> Any:
        raise KeyError("of the wrong kind")

    monkeypatch.setattr(TokenBox, "decrypt", failing)
    with prepare("decryption") as check, pytest.raises(KeyError):
        check(seeds.DECRYPTION["garbage"])


def test_checks_notice_another_answer(monkeypatch):
    monkeypatch.setitem(PIXEL.answers, "GET", PIXEL.not_allowed)
    for harness in OF_TOKENS:
        with prepare(harness) as check, pytest.raises(AssertionError):
            check(seeds.SEEDS[harness]["garbage"])


def plain(data: bytes) -> bytes:
    return b"plain"


@pytest.mark.parametrize("harness", HARNESSES)
def test_mutation_keeps_json_json_and_leaves_the_rest_to_the_fuzzer(harness):
    mutate = import_module(f"tools.fuzz.{harness}").mutate
    for name, seed in seeds.SEEDS[harness].items():
        for number in range(20):
            mutant = mutate(seed, number, plain)
            assert mutant == mutate(seed, number, plain), name
    hit = b'J[["a"],{"k":[1,{"deep":null}]}]'
    mutants = {inputs.mutate(hit, number, plain) for number in range(200)}
    assert len(mutants) > 20
    assert b"plain" in mutants
    assert all(mutant[:1] == b"J" for mutant in mutants - {b"plain"})


def break_mails(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Break something that the rules for mails are about."""
    if name == "target":
        monkeypatch.setattr(
            links,
            "make_short_url",
            lambda kind, args, kwargs, _: make_short_url(
                kind, args, kwargs, "https://x"
            ),
        )
    elif name == "text":
        monkeypatch.setattr(
            ptrack.email, "make_tag", lambda *args: make_tag(*args) + "more"
        )
    elif name == "pixels":
        monkeypatch.setattr(ptrack.email, "make_tag", lambda *args: make_tag(*args) * 2)
    elif name == "part":
        monkeypatch.setattr(
            messages, "find_text_parts", lambda message, **_: message.walk()
        )
    elif name == "original":
        monkeypatch.setattr(messages, "copy_message", lambda message: message)


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("target", "html"),
        ("target", "plain"),
        ("text", "html"),
        ("pixels", "html"),
        ("part", "signed"),
        ("original", "html"),
    ],
)
def test_checks_of_mails_notice_what_is_broken(name, seed, monkeypatch):
    with prepare("mails") as check:
        check(seeds.MAILS[seed])
        break_mails(monkeypatch, name)
        with pytest.raises(AssertionError):
            check(seeds.MAILS[seed])


def test_mutation_of_mails_puts_in_lines_and_pieces():
    mutate = import_module("tools.fuzz.mails").mutate
    mutants = {mutate(seeds.MAILS["html"], number, plain) for number in range(200)}
    assert len(mutants) > 100
    assert b"plain" in mutants


@pytest.mark.parametrize(("slow", "code"), [(0, 0), (1, 1)])
def test_growth_is_measured_and_can_be_too_fast(slow, code):
    """In its short form, for a few of the mails."""
    patch = f"import tools.fuzz.growth as g; g.LONGEST = {0.0 if slow else 60.0}"
    done = subprocess.run(
        [
            *(sys.executable, "-c", f"{patch}; import sys; sys.exit(g.main())"),
            *("--size", "4000", "--every", "30"),
        ],
        cwd=ROOT,
        env=make_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "kinds of 4000 characters" in done.stdout
    assert ("TOO SLOW" in done.stdout) == bool(slow)


def run_fuzz(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    code += "; import runpy; runpy.run_module('tools.fuzz', run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", f"import sys; {code}", *arguments],
        cwd=ROOT,
        env=make_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_command_tells_how_to_install_atheris():
    """A finder without a result stands for an interpreter without a wheel."""
    done = run_fuzz(
        "import importlib.util as u; found = u.find_spec; "
        "u.find_spec = lambda name, *a: None if name == 'atheris' else found(name, *a)"
    )
    assert done.returncode == 1
    assert "There are wheels for CPython 3.11 to 3.14" in done.stderr


def test_command_refuses_less_than_a_second_for_each_harness():
    done = run_fuzz("0", "--seconds", "1")
    assert done.returncode == 2
    assert f"--seconds must be at least {len(HARNESSES)}" in done.stderr
