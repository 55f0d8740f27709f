"""The documentation: every code block in README.md runs."""

import ast
import json
import re
import shutil
import time
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from django.template import engines
from django.test import Client
from webtest import TestApp as WebTest

import ptrack
from ptrack.encoder import TokenBox
from ptrack.pixel import GIF
from tests.processes import ROOT, fetch, free_port, run_python, server

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SECRET = "s" * 32


def block(part: str) -> str:
    """Give the one block that has this in it."""
    found = [code for _, code in BLOCKS if part in code]
    assert len(found) == 1, f"{len(found)} blocks have {part!r}"
    return found[0]


@pytest.fixture(autouse=True)
def clean_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a block registers is gone with its test."""
    monkeypatch.setattr(ptrack.tracker, "_registry", {})


def run(code: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), namespace)
    return namespace


def hit(*args: Any, **kwargs: Any) -> None:
    url = ptrack.pixel_url(*args, **kwargs)
    path = url.removeprefix("https://www.example.com")
    assert Client(headers={"user-agent": "Mail/1"}).get(path).content == GIF


def render(source: str, **context: Any) -> str:
    return engines["django"].from_string(source).render(context)


def carried(text: str) -> Any:
    token = re.search(r"/ptrack/([\w-]+)/", text)
    assert token, text
    return ptrack.PtrackEncoder.decrypt(token[1])


# -- the first screen -----------------------------------------------------------------


def test_name_to_install_is_that_of_the_distribution():
    from importlib import metadata

    name = block("pip install").split()[-1]
    assert metadata.metadata(name)["Name"] == name


PROJECT = """
SECRET_KEY = "x"
USE_TZ = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "mysite.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
INSTALLED_APPS = [each for each in INSTALLED_APPS if each is not ...]
MIDDLEWARE = [each for each in MIDDLEWARE if each is not ...]
LOGGING = {
    "version": 1,
    "handlers": {"file": {"class": "logging.FileHandler", "filename": "opens.log"}},
    "loggers": {"opens": {"handlers": ["file"], "level": "INFO"}},
}
"""


def project(place: Path) -> Path:
    """Write the project of the first screen, from its very blocks."""
    site = place / "mysite"
    site.mkdir()
    files = {
        "__init__": "",
        "settings": f"import os\n{block('# settings.py')}{PROJECT}",
        "urls": "urlpatterns = []",
        "pixels": block("# pixels.py"),
        "wsgi": "from django.core.wsgi import get_wsgi_application\n"
        "application = get_wsgi_application()\n",
        "asgi": "from django.core.asgi import get_asgi_application\n"
        "application = get_asgi_application()\n",
    }
    for name, source in files.items():
        (site / f"{name}.py").write_text(source)
    return place


RENDER = """
import sys; sys.path.insert(0, "")
import django; django.setup()
from types import SimpleNamespace
from django.template import engines
user = SimpleNamespace(email="ada@example.com")
print(engines["django"].from_string({source!r}).render({{"user": user}}))
"""


def test_first_screen_makes_a_site_that_tracks(tmp_path: Path):
    """Its settings pass the checks, its tag renders, its pixels.py logs the open."""
    code = RENDER.format(source=block("{% ptrack 'newsletter' recipient"))
    code += (
        "from django.core.management import call_command\n"
        "call_command('check', '--fail-level', 'WARNING')\n"
        "from django.test import Client\n"
        "import ptrack\n"
        "url = ptrack.pixel_url('newsletter', campaign=7)\n"
        "Client(headers={'user-agent': 'Mail/1'}).get(url[23:])\n"
        "import logging; logging.shutdown()\n"
    )
    out = run_python(
        code,
        cwd=project(tmp_path),
        DJANGO_SETTINGS_MODULE="mysite.settings",
        PTRACK_SECRET=SECRET,
    )
    hit = TokenBox(SECRET).decrypt(out.partition("/ptrack/")[2].partition("/")[0])
    assert hit == (["newsletter"], {"recipient": "ada@example.com", "campaign": 7})
    log = (tmp_path / "opens.log").read_text()
    assert log == "('newsletter',) {'campaign': 7} Mail/1\n"


def test_commands_of_the_first_screen_are_in_the_makefile():
    targets = [line.split()[1] for line in block("make demo").splitlines()]
    makefile = (ROOT / "Makefile").read_text()
    assert targets == ["demo", "test"]
    assert all(f"\n{target}:" in makefile for target in targets)


# -- settings, templates, URLs --------------------------------------------------------


def test_command_prints_a_strong_secret():
    command = block("secrets.token_hex")
    code = re.search(r'-c "(.*)"', command)
    assert code
    out = run_python(code[1]).strip()
    assert len(out) == 32


def test_functions_work_as_shown():
    run(block('assert ptrack.pixel_tag("newsletter")'))


def test_tags_work_as_shown():
    text = render(block("as pixel"))
    assert text.count("/ptrack/") == 2
    assert carried(text) == (["newsletter"], {})


def test_jinja2_works_as_shown(monkeypatch: pytest.MonkeyPatch):
    environment = run(block("env.globals.update"))["environment"]
    inline = re.search(r"`(\{\{ pixel_tag.*?\}\})`", README, re.DOTALL)
    assert inline
    text = environment(autoescape=True).from_string(inline[1]).render()
    assert text.startswith("<img ")
    assert carried(text) == (["newsletter"], {"campaign": 7})


def test_urlconf_works_as_shown(settings: Any, recorder):
    settings.MIDDLEWARE = []
    settings.ROOT_URLCONF = tuple(run(block('include("ptrack.urls")'))["urlpatterns"])
    hit("a")
    assert recorder.hits == [(("a",), {})]


# -- WSGI -----------------------------------------------------------------------------


def test_flask_works_as_shown(recorder):
    app = run(block("import flask"))["app"]
    client = WebTest(app)
    page = client.get("/page").text
    assert page.startswith("Welcome!<img ")
    path = page.partition("https://www.example.com")[2].partition('"')[0]
    assert client.get(path).body == GIF
    assert recorder.hits == [(("page",), {"name": "welcome"})]


def test_paste_section_works_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorder
):
    from paste.deploy import loadapp

    ini = tmp_path / "app.ini"
    ini.write_text(
        block("[app:main]")
        .replace("egg:myapp", "call:tests.test_wsgi:app_factory")
        .replace("shop.pixels", "tests.pixels_for_paste")
    )
    parser = ConfigParser()
    parser.read(ini)
    app = loadapp(f"config:{ini}")
    url = app.pixel_url("a")
    assert url.startswith(parser["filter:ptrack"]["app_url"])
    assert WebTest(app).get(url.removeprefix("https://www.example.com")).body == GIF
    assert len(recorder.hits) == 1


def test_wsgi_around_django_works_as_shown(recorder):
    application = run(block("application = PtrackWSGIMiddleware"))["application"]
    path = application.pixel_url("a").removeprefix("https://www.example.com")
    assert WebTest(application).get(path).body == GIF
    assert WebTest(application).get("/page/").text == "page /page/"
    assert len(recorder.hits) == 1


def test_callback_that_lets_go_of_connections_works_as_shown(caplog):
    """With what it only hints at, a row in a table, put in its place."""
    code = block("close_old_connections").replace("...  #", "seen.append(kwargs)  #")
    seen = run("seen = []\n" + code)["seen"]
    hit(campaign=7)
    assert seen == [{"campaign": 7}]
    assert "failed" not in caplog.text


def test_mirror_is_served_as_shown(tmp_path: Path):
    shutil.copy(ROOT / "tests/served/pixels.py", tmp_path)
    setting, *command = block("ptrack.wsgi:mirror()").replace('"', "").split()
    name, _, secret = setting.partition("=")
    port = free_port()
    command[1:1] = ["-b", f"127.0.0.1:{port}"]
    hits = tmp_path / "hits"
    variables = {name: secret, "HITS": str(hits)}
    with server(*command, port=port, cwd=tmp_path, **variables):
        token = TokenBox(secret).encrypt("a")
        assert fetch(f"http://127.0.0.1:{port}/ptrack/{token}/")[2] == GIF
        assert fetch(f"http://127.0.0.1:{port}/")[0] == 404
    kinds = [json.loads(line)[::2] for line in hits.read_text().splitlines()]
    assert kinds == [["sync", "a"], ["async", "a"]]


# -- secrets and encoders -------------------------------------------------------------


def test_rotation_works_as_shown(settings: Any, recorder):
    settings.PTRACK_SECRET = "the old secret"
    old = ptrack.pixel_url("old").removeprefix("https://www.example.com")
    for name, value in run(block("PTRACK_SECRET_FALLBACKS = ")).items():
        if name.startswith("PTRACK_"):
            setattr(settings, name, value)
    Client().get(old)
    hit("new")
    assert recorder.hits == [(("old",), {}), (("new",), {})]


def test_encoder_works_as_shown(recorder):
    old = ptrack.pixel_url("old").removeprefix("https://www.example.com")
    run(block("class Versioned"))
    assert "/ptrack/v1." in ptrack.pixel_url()
    hit("new")
    Client().get(old)
    assert recorder.hits == [(("new",), {}), (("old",), {})]


# -- recipes --------------------------------------------------------------------------


def test_time_to_open_works_as_shown(capsys: pytest.CaptureFixture[str]):
    url = run(block("sent=time.time()"))["url"]
    run(block("class TimeToOpen"))
    args, kwargs = carried(url)
    hit(*args, **{**kwargs, "sent": time.time() - 90})
    assert capsys.readouterr().out == "ada@example.com took 90 seconds\n"


def test_dictionaries_work_as_shown(capsys: pytest.CaptureFixture[str]):
    text = render(block("{% ptrack order"), order={"id": 1}, customer={"name": "Ada"})
    run(block("class Merged"))
    args, kwargs = carried(text)
    hit(*args, **kwargs)
    out = capsys.readouterr().out
    assert out == "[('id', 1), ('name', 'Ada'), ('source', 'receipt')]\n"


def test_keyword_named_request_works_as_said(recorder):
    assert "def record(self, request, /, *args, **kwargs)" in README
    hit(request=1)
    assert recorder.hits == [((), {"request": 1})]


# -- deployment -----------------------------------------------------------------------

SERVERS: dict[str, Callable[[str, int], list[str]]] = {
    "gunicorn": lambda line, port: [*line.split(), "-b", f"127.0.0.1:{port}"],
    "uwsgi": lambda line, port: (
        [*line.replace("8000", str(port)).split(), "--die-on-term", "--need-app"]
    ),
    "uvicorn": lambda line, port: [*line.split(), "--port", str(port)],
}


@pytest.mark.parametrize("name", SERVERS)
def test_server_serves_the_first_screens_site_as_shown(name: str, tmp_path: Path):
    lines = block("gunicorn --workers").splitlines()
    line = next(line for line in lines if line.startswith(name))
    port = free_port()
    command = SERVERS[name](line, port)
    if name == "uwsgi":
        command = ["tests.uwsgi", *command[1:]]
    variables = {
        "PTRACK_SECRET": SECRET,
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PYTHONPATH": f"{ROOT}:{project(tmp_path)}",
    }
    with server(*command, port=port, cwd=tmp_path, **variables):
        token = TokenBox(SECRET).encrypt("deployed")
        url = f"http://127.0.0.1:{port}/ptrack/{token}/"
        assert fetch(url, headers={"User-Agent": "Mail/1"})[2] == GIF
    assert (tmp_path / "opens.log").read_text() == "('deployed',) {} Mail/1\n"


def test_every_block_is_run_by_a_test():
    """Each is asked for by a call of ``block`` in one of the tests above."""
    tree = ast.parse(Path(__file__).read_text())
    asked = {
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "block"
    }
    for language, code in BLOCKS:
        assert any(part in code for part in asked), f"{language}: {code}"


def test_commands_for_contributors_are_in_the_makefile():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    targets = re.findall(r"^make (\w+)", text, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert len(targets) >= 3
    assert all(f"\n{target}:" in makefile for target in targets)
