"""ptrack.cli: ``secret``, and ``decode`` with all that users may paste."""

import argparse
import base64
import configparser
import html
import io
import json
import math
import quopri
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command, execute_from_command_line
from django.test import override_settings
from nacl.secret import SecretBox
from paste.deploy import loadapp

import ptrack
from ptrack import cli as commands
from ptrack.__main__ import main
from ptrack.cli import NOT_CONFIGURED, NOT_READ, CommandRefusedError, write_json
from ptrack.conf import parse_setting
from ptrack.core.tokens import TokenBox
from tests.processes import ROOT, make_environment, run_python
from tests.reference import seal, spell

SECRET = "s3cret of thirty-two characters!"
CARRIED = {"args": ["a", 1], "kwargs": {"to": "ada@example.com"}}


def make_url() -> str:
    return ptrack.pixel_url("a", 1, to="ada@example.com")


def run(*arguments: str) -> str:
    parser = argparse.ArgumentParser()
    commands.add_arguments(parser)
    return commands.run(parser.parse_args(arguments))


def decode(given: str, *options: str) -> Any:
    return json.loads(run("decode", *options, "--", given))


def refuse(given: str) -> CommandRefusedError:
    with pytest.raises(CommandRefusedError) as caught:
        run("decode", "--", given)
    assert not given.strip() or given not in str(caught.value)
    return caught.value


# -- secret ---------------------------------------------------------------------------


SHAPE = re.compile("[A-Za-z][A-Za-z0-9]{31}")


def test_secret_is_strong():
    """52 letters, and 31 times one of 62 characters, are 190 random bits."""
    found = {run("secret") for _ in range(1000)}
    assert len(found) == 1000
    for secret in found:
        assert SHAPE.fullmatch(secret)
        assert TokenBox(secret)
    assert len({secret[0] for secret in found}) == 52
    assert len({char for secret in found for char in secret[1:]}) == 62
    assert int(math.log2(52 * 62**31)) == 190
    assert "190 random bits" in (ROOT / "docs/operations.md").read_text()
    assert "have 190 random bits" in (ROOT / "SECURITY.md").read_text()
    assert "ptrack secret` | 190 |" in (ROOT / "docs/timing.md").read_text()


def read_by_sh(text: str) -> dict[str, str]:
    names = " ".join(line.partition("=")[0] for line in text.splitlines())
    show = f'\nfor name in {names}; do eval "echo $name=\\"\\$$name\\""; done\n'
    done = subprocess.run(
        ["/bin/sh", "-eu"],
        input=text + show,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def read_by_configparser(text: str) -> dict[str, str]:
    parser = configparser.ConfigParser()
    parser.read_string(f"[section]\n{text}")
    return dict(parser["section"])


def return_options(global_conf: dict[str, str], **local_conf: str) -> dict[str, str]:
    """Return the options of a section, instead of an app."""
    return local_conf


def read_by_paste(text: str) -> dict[str, str]:
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
        file.write(f"[app:main]\nuse = call:{__name__}:return_options\n{text}")
        file.flush()
        options: dict[str, str] = loadapp(f"config:{file.name}")
    return options


GENERATOR = Path("/lib/systemd/user-environment-generators")


def read_by_systemd(text: str) -> dict[str, str]:
    """Let systemd's own parser read a file of variables, as it has been installed.

    It writes what it has read for a shell (systemd.environment-generator).
    """
    program = GENERATOR / "30-systemd-environment-d-generator"
    if not program.exists():
        pytest.skip("systemd isn't installed")
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "environment.d").mkdir()
        (Path(place) / "environment.d/test.conf").write_text(text)
        done = subprocess.run(
            [program],
            env={"XDG_CONFIG_HOME": place},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    lines = (line.split("=", 1) for line in done.stdout.splitlines())
    return {name: shlex.split(value)[0] for name, value in lines}


def read_by_json(text: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in text.splitlines())
    lines = ",".join(f'"{name}": "{value}"' for name, value in pairs)
    found: dict[str, str] = json.loads(f"{{{lines}}}")
    return found


def read_by_yaml(text: str) -> dict[str, str]:
    yaml = pytest.importorskip("yaml")
    found: dict[str, str] = yaml.safe_load(text.replace("=", ": "))
    return found


READERS = {
    "sh": read_by_sh,
    "configparser": read_by_configparser,
    "PasteDeploy": read_by_paste,
    "systemd": read_by_systemd,
    "JSON": read_by_json,
    "YAML": read_by_yaml,
}


@pytest.mark.parametrize("reader", READERS)
def test_secret_is_read_as_it_is_without_quotes(reader: str):
    secrets = {f"s{number}": run("secret") for number in range(200)}
    text = "".join(f"{name}={secret}\n" for name, secret in secrets.items())
    found = READERS[reader](text)
    assert {name: found.get(name) for name in secrets} == secrets


@pytest.mark.parametrize(
    ("reader", "misread"),
    [
        *[("sh", each) for each in ("a$b", "a\\b", "a'b'", "a;b=")],
        *[("configparser", each) for each in ("a%%b", " a")],
        *[("systemd", each) for each in ("a\\b", "'a'", "a ")],
        *[("YAML", each) for each in ("12", "a #b", "true")],
    ],
)
def test_readers_are_those_that_misread_other_secrets(reader: str, misread: str):
    try:
        found = READERS[reader](f"s={misread}\n")
    except (subprocess.CalledProcessError, configparser.Error):
        return
    assert found.get("s") != misread


@pytest.mark.parametrize("reader", ["configparser", "PasteDeploy", "systemd"])
def test_list_of_fallbacks_is_read_as_it_is_without_quotes(reader: str):
    secrets = tuple(run("secret") for _ in range(3))
    text = READERS[reader](f"fallbacks={json.dumps(secrets)}\n")["fallbacks"]
    assert parse_setting("PTRACK_SECRET_FALLBACKS", text) == secrets


@pytest.mark.parametrize("quote", ["'{}'", "{}"])
def test_shell_needs_quotes_around_a_list_of_fallbacks(quote: str):
    secrets = (run("secret"), run("secret"))
    written = quote.format(json.dumps(secrets, separators=(",", ":")))
    text = read_by_sh(f"fallbacks={written}\n")["fallbacks"]
    found = parse_setting("PTRACK_SECRET_FALLBACKS", text)
    assert (found == secrets) == (quote != "{}")
    assert isinstance(found, tuple) or "isn't a JSON list" in found.problem


def test_secret_needs_no_configuration_at_all(tmp_path: Path):
    """It works even if the settings can't be imported."""
    for variables in ({}, {"DJANGO_SETTINGS_MODULE": "no.such"}):
        done = subprocess.run(
            [sys.executable, "-m", "ptrack", "secret"],
            cwd=tmp_path,
            env=make_environment(**variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert SHAPE.fullmatch(done.stdout.removesuffix("\n"))
        assert done.stderr == ""


# -- decode: input --------------------------------------------------------------------


def encode_quoted_printable(text: str) -> str:
    return quopri.encodestring(text.encode()).decode()


@pytest.mark.parametrize(
    "pasted",
    [
        lambda url: url,
        lambda url: f"  {url}\n",
        lambda url: url.removesuffix("/"),
        lambda url: url + "?utm_source=mail&x=/ptrack/y/#z",
        lambda url: url.removeprefix("https:"),
        lambda url: url.removeprefix("https://"),
        lambda url: url.removeprefix("https://www.example.com"),
        lambda url: url.replace("example.com/", "example.com/mounted/at/"),
        lambda url: url.replace("https://www.example.com", "http://10.0.0.1:8000"),
        lambda url: url.replace("/ptrack/", "/%70track/"),
        lambda url: url.split("/")[-2],
        lambda url: url.split("/")[-2] + "/",
        lambda url: f'<img src="{url}" width=1 height=1>',
        lambda url: f"<p>Hello</p><img src=/logo.png><IMG alt='' SRC='{url}'>",
        lambda url: html.escape(f'<img src="{url}">'),
        lambda url: f"&#{'9' * 5000}; &lt;img src={url}&gt;",
        lambda url: f"<!--[if mso]><td style='background: url({url})'><![endif]-->",
        lambda url: encode_quoted_printable(f'<img src="{url}" width=1 height=1>'),
        encode_quoted_printable,
        lambda url: "\n".join(re.findall(".{1,40}", url)),
    ],
)
def test_pixel_is_read_from_any_copy_of_it(pasted):
    assert decode(pasted(make_url())) == CARRIED


def decode_damaged(given: str) -> tuple[Any, str]:
    """Return the content, and the sentence about the damage; it is ASCII."""
    parser = argparse.ArgumentParser()
    commands.add_arguments(parser)
    said: list[str] = []
    shown = commands.run(parser.parse_args(["decode", "--", given]), None, said.append)
    assert "".join(said).isascii()
    return json.loads(shown), "".join(said)


def cut_in(url: str, inside: str) -> str:
    return url[:70] + inside + url[70:]


PASTED = {
    "glued": (
        lambda url: f"{url[:-1]})",
        'left out 1 character behind its token, from ")"',
    ),
    "slash": (lambda url: f"{url}),", '3 characters behind its token, from "/),"'),
    "query": (lambda url: f"{url[:-1]}&utm_source=mail", 'from "&utm_source=" on'),
    "encoded": (lambda url: f"{url[:-1]}%E2%80%9D", r'from "\u201d"'),
    "space": (lambda url: f"{url[:-1]}%20", "1 character behind its token"),
    "words": (lambda url: f"{url}%20(Link)", 'behind its token, from "/ (Link)"'),
    "twice": (lambda url: f"{url[:-1]}%2520", "3 characters behind"),
    "angle": (lambda url: f"<{url}>", 'from "/>"'),
    "quotes": (lambda url: f'"{url}"', "2 characters behind"),
    "markdown": (lambda url: f"[here]({url})", 'from "/)"'),
    "inside": (
        lambda url: cut_in(url, "\u200b"),
        "1 character before its token or in it",
    ),
    "hyphen": (
        lambda url: cut_in(url, "%C2%AD%C2%AD"),
        "2 characters before its token",
    ),
    "slashes": (lambda url: url.replace("/ptrack/", "/ptrack//"), "1 character before"),
    "quoted": (lambda url: f"> <{cut_in(url, chr(10) + '> ')}>", "3 characters before"),
    "source": (lambda url: f'src=3D"{cut_in(url, chr(61) + chr(10))}"', "left out"),
    "both": (
        lambda url: cut_in(url, "=\n") + '"',
        "1 character before its token or in it, and 2 characters behind",
    ),
    "token": (lambda url: f'"{url.split("/")[-2]}".', 'from "\\"."'),
    "token and URL": (
        lambda url: f"{url.split('/')[-2]}](https://x.example)",
        'from "](https://x." on',
    ),
    "token and tag": (lambda url: f"{url.split('/')[-2]}</a>", 'from "</a>"'),
    "hostile": (lambda url: f"{url[:-1]}.\x1b]0;x", r'from ".\u001b]0;x"'),
}


@pytest.mark.parametrize("name", PASTED)
@pytest.mark.parametrize("link", [False, True])
def test_damaged_url_is_read_and_the_damage_is_told(name: str, link: bool):
    paste, expected = PASTED[name]
    url, content = make_url(), CARRIED
    if link:
        url = ptrack.link_url("https://shop.example/", "a", 1, to="ada@example.com")
        content = {"url": "https://shop.example/", **CARRIED}
    found, said = decode_damaged(paste(url))
    assert found == content
    assert said.startswith("The URL is damaged: ptrack left out ")
    assert said.endswith(" A request for it is read in the same way.")
    assert expected in said
    assert url.split("/")[-2] not in said


def test_whole_url_is_not_called_damaged():
    padded = spell(seal(b'[["a"],{}]', SECRET))
    assert padded.endswith("=")
    for given in (
        f"Look: {make_url()} and reply.",
        f"Look: {make_url()[:-1]} and reply.",
        make_url(),
        padded,
        encode_quoted_printable(f'<img src="{make_url()}">'),
    ):
        assert decode_damaged(given)[1] == ""


def test_sentence_about_the_damage_is_no_part_of_the_output(capsys):
    url = make_url()
    assert main(["decode", f"{url})"]) == 0
    out, errors = capsys.readouterr()
    assert json.loads(out) == CARRIED
    assert errors.startswith("The URL is damaged")
    stdout, stderr = io.StringIO(), io.StringIO()
    call_command("ptrack", "decode", f"{url})", stdout=stdout, stderr=stderr)
    assert json.loads(stdout.getvalue()) == CARRIED
    assert stderr.getvalue() == errors


def test_text_with_very_many_prefixes_is_refused_soon():
    assert "form of a token" in str(refuse("/ptrack/" * 100_000))


def test_pixel_is_read_from_the_standard_input(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{make_url()}\n"))
    assert decode("-") == CARRIED


def test_token_that_starts_with_a_dash_is_read_after_two():
    """Without "--", argparse takes it for an option and prints the usage."""
    tokens = iter(lambda: TokenBox(SECRET).encrypt(), "")
    token = next(token for token in tokens if token.startswith("-"))
    expected = {"args": [], "kwargs": {}}
    assert json.loads(run("decode", "--", token)) == expected
    with pytest.raises(SystemExit):
        run("decode", token)


def test_padded_token_of_django_ptrack_300_is_read():
    box = SecretBox(SECRET.encode())
    token = base64.urlsafe_b64encode(box.encrypt(b'[["a"],{}]')).decode()
    assert token.endswith("=")
    url = f"https://www.example.com/ptrack/{token}/"
    assert decode(url) == decode(token) == {"args": ["a"], "kwargs": {}}
    assert decode(encode_quoted_printable(url))["args"] == ["a"]


def test_earlier_secrets_are_tried_too():
    url = make_url()
    with override_settings(PTRACK_SECRET="n" * 32, PTRACK_SECRET_FALLBACKS=[SECRET]):
        assert decode(url) == CARRIED


@pytest.mark.parametrize(
    "urlconf", ["track", "root", "nested", "own_view", "localised", "included"]
)
def test_pixel_is_read_at_any_place_in_the_urlconf(urlconf: str):
    with override_settings(ROOT_URLCONF=f"tests.urlconfs.{urlconf}"):
        assert decode(make_url()) == CARRIED


@pytest.mark.parametrize("prefix", ["/", "/é/x/", "p"])
def test_pixel_is_read_under_any_prefix(prefix: str):
    with override_settings(PTRACK_PREFIX=prefix, PTRACK_APP_URL="https://h/at"):
        assert decode(make_url()) == CARRIED


def test_nothing_is_recorded(recorder, clicks):
    decode(make_url())
    decode(ptrack.link_url("https://shop.example/", 1))
    assert recorder.hits == clicks.hits == []


@pytest.mark.parametrize("urlconf", ["empty", "track", "root", "nested"])
@pytest.mark.parametrize("own", [False, True])
def test_link_is_read_too(urlconf: str, own: bool, monkeypatch: pytest.MonkeyPatch):
    """The input is its URL, its token, or an element, of a custom encoder too."""
    if own:
        monkeypatch.setattr(ptrack, "ptrack_encoder", Reversed)
    with override_settings(ROOT_URLCONF=f"tests.urlconfs.{urlconf}"):
        url = ptrack.link_url("https://shop.example/?a=1&b=2", 1, to="ada@example.com")
        expected = {
            "url": "https://shop.example/?a=1&b=2",
            "args": [1],
            "kwargs": {"to": "ada@example.com"},
        }
        token = url.rstrip("/").rpartition("/")[2]
        element = f"<p>Look: <a class='b' href='{html.escape(url)}'>here</a></p>"
        for given in (url, token, element, encode_quoted_printable(element)):
            assert decode(given) == expected


class Reversed:
    """An encoder whose tokens are the default's, read backwards."""

    @staticmethod
    def encrypt(*args: Any, **kwargs: Any) -> str:
        return ptrack.PtrackEncoder.encrypt(*args, **kwargs)[::-1]

    @staticmethod
    def decrypt(token: str) -> Any:
        return ptrack.PtrackEncoder.decrypt(token[::-1])


def test_encoder_in_force_is_the_one_that_reads(tmp_path: Path, monkeypatch):
    """A module that ``--pixels`` names assigns it; its tokens may hold slashes."""
    (tmp_path / "own_pixels.py").write_text(
        "import ptrack\n"
        "class Own:\n"
        "    @staticmethod\n"
        "    def encrypt(*args, **kwargs): return 'v1/a&lt;b/' + str(args[0])\n"
        "    @staticmethod\n"
        "    def decrypt(token):\n"
        "        mark, middle, value = token.split('/')\n"
        "        assert (mark, middle) == ('v1', 'a&lt;b')\n"
        "        return (value,), {'when': 1j}\n"
        "ptrack.ptrack_encoder = Own\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    expected = {"args": ["x"], "kwargs": {"when": "1j"}}
    assert decode("v1/a&lt;b/x", "--pixels", "own_pixels") == expected
    url = ptrack.pixel_url("x")
    assert decode(url) == decode(ptrack.pixel_tag("x")) == expected


def test_default_pixels_are_found_as_by_the_middleware(tmp_path: Path):
    (tmp_path / "pixels.py").write_text("print('imported')\n")
    token = TokenBox("s" * 32).encrypt("a")
    done = subprocess.run(
        [sys.executable, "-m", "ptrack", "decode", "--", token],
        cwd=tmp_path,
        env=make_environment(PTRACK_SECRET="s" * 32),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    first, _, rest = done.stdout.partition("\n")
    assert first == "imported"
    assert json.loads(rest) == {"args": ["a"], "kwargs": {}}


# -- decode: refusals -----------------------------------------------------------------


def make_foreign_url() -> str:
    return "https://www.example.com/ptrack/" + TokenBox("other").encrypt("a") + "/"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "The input is empty"),
        (" \n", "The input is empty"),
        ("https://www.example.com/page/", "no pixel or link of this site"),
        ("https://www.example.com", "no pixel or link of this site"),
        ("https://[h/ptrack/x/", "nothing in it has the form of a token"),
        ("<p>no image</p>", "no pixel or link of this site"),
        ("<img>", "no pixel or link of this site"),
        ("garbage", "can't be read"),
        ("\ud800", "can't be read"),
        ("\x1b[31m", "can't be read"),
        ("https://www.example.com/ptrack/", "can't be read"),
        ("https://www.example.com/ptrack/garbage/", "can't be read"),
        pytest.param(make_foreign_url(), "can't be read", id="other secret"),
        ("x" * 8001, "can't be read"),
        ("x" * 5_000_000, "The input is too long"),
    ],
)
def test_unreadable_input_is_refused_without_repeating_it(given: str, said: str):
    refusal = refuse(given)
    assert said in str(refusal)
    assert refusal.exit_code == NOT_READ


def test_refusal_says_what_may_have_happened():
    """Only text in the form of a token may be of another secret."""
    for given in (
        "garbage",
        make_foreign_url()[:80],
        "https://www.example.com/ptrack/x)",
    ):
        said = str(refuse(given))
        assert "at least 63 letters, digits, - and _" in said
        assert "secret" not in said
    for given in (make_foreign_url(), f"{make_foreign_url()})."):
        said = str(refuse(given))
        assert "a part of its token is missing or was changed" in said
        assert "PTRACK_SECRET_FALLBACKS" in said


def test_refusal_is_the_same_for_a_forged_and_a_damaged_pixel():
    url = make_url()
    broken = base64.urlsafe_b64encode(
        SecretBox(SECRET.encode()).encrypt(b"no json")
    ).decode()
    told = {str(refuse(each)) for each in (make_foreign_url(), url[:-9] + "/", broken)}
    assert len(told) == 1


def test_input_that_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch):
    stdin = io.TextIOWrapper(io.BytesIO(b"\xff"), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", stdin)
    assert "not text" in str(refuse("-"))


@pytest.mark.parametrize("urlconf", ["root", "own_view"])
def test_page_of_a_site_that_shares_its_root_is_no_pixel(urlconf: str):
    with override_settings(ROOT_URLCONF=f"tests.urlconfs.{urlconf}"):
        assert refuse("https://www.example.com/page").exit_code == NOT_READ


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"PTRACK_SECRET": None}, "PTRACK_SECRET is not set"),
        ({"PTRACK_SECRET": "x" * 33}, "32 bytes in UTF-8, not 33"),
        ({"PTRACK_SECRET_FALLBACKS": [""]}, r"PTRACK_SECRET_FALLBACKS\[0\]"),
        ({"PTRACK_PREFIX": 1}, "PTRACK_PREFIX must be str"),
    ],
)
def test_bad_settings_are_reported_first(settings: dict[str, Any], said: str):
    with override_settings(**settings):
        refusal = refuse("garbage")
    assert re.search(said, str(refusal))
    assert refusal.exit_code == NOT_CONFIGURED
    assert "x" * 33 not in str(refusal)


# -- decode: output -------------------------------------------------------------------

HOSTILE = "\x1b]0;title\x07\x9b31m\r\n\u202eevil\u2066\u200b\ufeff\x7f\ud800\U000e0001"


def test_output_does_not_command_a_terminal():
    url = ptrack.pixel_url(HOSTILE, **{HOSTILE: HOSTILE})
    shown = run("decode", url)
    assert all(char == "\n" or char.isprintable() for char in shown)
    assert json.loads(shown) == {"args": [HOSTILE], "kwargs": {HOSTILE: HOSTILE}}


def test_text_is_shown_as_it_is_where_the_terminal_can():
    text = "Zoë λ 日本 🙂 '\"<&>"
    assert json.loads(write_json(text, "ascii")) == text
    assert write_json(text, "ascii").isascii()
    assert "Zoë" in write_json(text, "latin-1")
    assert "λ" not in write_json(text, "latin-1")
    assert write_json("Zoë λ 日本 🙂") == '"Zoë λ 日本 🙂"'


def test_values_beyond_json_are_shown():
    assert write_json(math.inf) == "Infinity"
    shown = write_json({"a": (1, {2}, b"\x1b")})
    assert json.loads(shown) == {"a": [1, "{2}", r"b'\x1b'"]}


def test_value_that_nests_too_deep_is_refused():
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(CommandRefusedError, match="too deep"):
        write_json(value)
    while value:
        value = value.pop()


# -- python -m ptrack, and manage.py ptrack -------------------------------------------


def test_main_prints_and_returns_the_exit_code(capsys: pytest.CaptureFixture[str]):
    assert main(["decode", make_url()]) == 0
    assert json.loads(capsys.readouterr().out) == CARRIED
    assert main(["decode", "garbage"]) == NOT_READ
    out, errors = capsys.readouterr()
    assert out == ""
    assert errors.startswith("python -m ptrack: It can't be read")
    assert main(["secret"]) == 0
    assert len(capsys.readouterr().out) == 33


@pytest.mark.parametrize("arguments", [[], ["decode"], ["nonsense"]])
def test_main_without_a_proper_command_prints_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m ptrack" in capsys.readouterr().err


def test_main_sets_up_the_site_that_is_named(tmp_path: Path):
    """It loads the site's apps, so the encoder of its pixels.py is in force."""
    site = tmp_path / "site_of_ours"
    site.mkdir()
    (site / "__init__.py").touch()
    (site / "settings.py").write_text(
        "INSTALLED_APPS = ['ptrack']\nUSE_TZ = True\nPTRACK_SECRET = 'x' * 32\n"
    )
    (site / "pixels.py").write_text(
        "import ptrack\n"
        "class Own(ptrack.PtrackEncoder):\n"
        "    decrypt = staticmethod(lambda token: (['own'], {}))\n"
        "ptrack.ptrack_encoder = Own\n"
    )
    out = run_python(
        "import sys; sys.path.insert(0, '')\n"
        "from ptrack.__main__ import main\n"
        "sys.exit(main(['decode', 'anything']))\n",
        cwd=tmp_path,
        DJANGO_SETTINGS_MODULE="site_of_ours.settings",
    )
    assert json.loads(out)["args"] == ["own"]


def test_main_outside_django_imports_nothing_of_it():
    token = TokenBox("s" * 32).encrypt("a")
    out = run_python(
        "import sys\n"
        "sys.modules['django'] = None\n"
        "from ptrack.__main__ import main\n"
        f"sys.exit(main(['decode', '--', {token!r}]))\n",
        PTRACK_SECRET="s" * 32,
    )
    assert json.loads(out)["args"] == ["a"]


def test_manage_py_has_the_same_commands():
    out = io.StringIO()
    call_command("ptrack", "decode", make_url(), stdout=out)
    assert json.loads(out.getvalue()) == CARRIED
    out = io.StringIO()
    call_command("ptrack", "secret", stdout=out)
    assert len(out.getvalue()) == 33
    with pytest.raises(CommandError, match="can't be read") as caught:
        call_command("ptrack", "decode", "garbage")
    assert caught.value.returncode == NOT_READ


def test_manage_py_prints_a_secret_before_there_is_one(capsys):
    """The checks, to which that is an error, don't stand in the way."""
    with override_settings(PTRACK_SECRET=None):
        with pytest.raises(ImproperlyConfigured):
            ptrack.pixel_url()
        execute_from_command_line(["manage.py", "ptrack", "secret"])
    assert len(capsys.readouterr().out) == 33


def test_manage_py_refuses_with_its_exit_code():
    done = subprocess.run(
        [sys.executable, "-m", "django", "ptrack", "decode", "--", "-garbage"],
        cwd=ROOT,
        env=make_environment(DJANGO_SETTINGS_MODULE="tests.settings"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == NOT_READ
    assert done.stdout == ""
    assert "It can't be read" in done.stderr
    assert "Traceback" not in done.stderr
