"""docs/background.md: every block of it is run, with real services."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import kombu
import pytest
from celery import Celery

from ptrack.core.answers import GIF
from ptrack.core.tokens import TokenBox
from tools.soak.background import GIVE_BACK
from tools.soak.processes import wait_until
from tools.soak.service import Announcer
from tools.soak.services import Redis
from tests.pages import Page, not_run
from tests.processes import ROOT, fetch, free_port, run_python, server

pytestmark = [pytest.mark.once, pytest.mark.flaky(reruns=1)]

PAGE = Page("docs/background.md")
block = PAGE.block
SECRET = "s" * 32


def opens(place: Path) -> int:
    with closing(sqlite3.connect(place / "opens.db", timeout=10)) as database:
        if not database.execute("SELECT * FROM sqlite_master").fetchone():
            return 0
        return database.execute("SELECT count(*) FROM opens").fetchone()[0]


def open_mails(port: int, count: int = 3) -> None:
    for number in range(count):
        token = TokenBox(SECRET).encrypt("news", number=number)
        assert fetch(f"http://127.0.0.1:{port}/ptrack/{token}/")[2] == GIF


class Worker(Announcer):
    """The command of a worker, as shown."""

    def __init__(self, line: str, sign: str, place: Path, **variables: str):
        program, *options = line.split()
        command = [str(Path(sys.executable).with_name(program)), *options]
        super().__init__(
            command, place, program, PYTHONPATH=f"{place}:{ROOT}", **variables
        )
        self.sign = sign


def served_as_shown(place: Path, commands: str, sign: str, broker: str) -> str:
    """Run a worker's command and a mirror's; give what the worker logged."""
    (place / "pixels.py").write_text(block("class Opens"))
    line, mirror = commands.replace('"$BROKER"', broker).splitlines()
    setting, *command = mirror.replace('"', "").split()
    name, _, value = setting.partition("=")
    port = free_port()
    command[1:1] = ["-b", f"127.0.0.1:{port}"]
    variables = {"BROKER": broker}
    with (
        Worker(line, sign, place, **variables) as worker,
        server(
            *command,
            port=port,
            cwd=place,
            PTRACK_SECRET=SECRET,
            **{name: value, **variables},
        ),
    ):
        open_mails(port)
        wait_until(lambda: opens(place) == 3, 20, "not recorded")
    return worker.output()


def test_celery_outside_django_works_as_shown(tmp_path: Path):
    (tmp_path / "app.py").write_text(block("app = Celery("))
    with Redis(tmp_path) as redis:
        told = served_as_shown(tmp_path, block("celery -A app"), " ready.", redis.url)
    assert told.count("succeeded in") == 3
    assert "news" not in told


def test_engine_of_ones_own_works_as_shown(tmp_path: Path):
    (tmp_path / "engine.py").write_text(block("class RQ"))
    with Redis(tmp_path) as redis:
        commands = block("rq worker")
        told = served_as_shown(tmp_path, commands, "Listening on", redis.url)
    assert "callback" not in told
    assert "news" not in told


SETTINGS = """
import os
SECRET_KEY = "x"
USE_TZ = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "mysite.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.db"}}
INSTALLED_APPS = ["ptrack"]
MIDDLEWARE = ["ptrack.middleware.PtrackMiddleware"]
PTRACK_SECRET = os.environ["PTRACK_SECRET"]
PTRACK_APP_URL = "https://www.example.com"
from django import VERSION
"""
HAS_ITS_OWN = """
if VERSION >= (6, 0):
    INSTALLED_APPS.remove("django_tasks")
"""
VISIT = """
import sys; sys.path.insert(0, "")
import django; django.setup()
from django.core.management import call_command
call_command("check", "--fail-level", "WARNING")
for command in {commands!r}:
    call_command(*command)
import ptrack
from django.test import Client
for number in range(3):
    Client().get(ptrack.pixel_url("news", number=number)[23:])
"""


def site(place: Path, settings: str) -> Path:
    package = place / "mysite"
    package.mkdir()
    for name, source in {
        "__init__": "",
        "settings": settings,
        "urls": "urlpatterns = []",
        "pixels": block("class Opens"),
    }.items():
        (package / f"{name}.py").write_text(source)
    return place


def test_tasks_work_as_shown(tmp_path: Path):
    pytest.importorskip("django_tasks_db")
    (place, settings) = tmp_path, SETTINGS + block("django_tasks_db.DatabaseBackend")
    site(place, settings + HAS_ITS_OWN)
    lines = [line.split()[2:] for line in block("manage.py db_worker").splitlines()]
    assert [line[0] for line in lines] == ["migrate", "db_worker"]
    variables = {"DJANGO_SETTINGS_MODULE": "mysite.settings", "PTRACK_SECRET": SECRET}
    run_python(VISIT.format(commands=[lines[0]]), cwd=place, **variables)
    assert opens(place) == 0
    run_python(
        'import sys; sys.path.insert(0, "")\n'
        "import django; django.setup()\n" + block("objects.running()").strip() + "\n"
        "from django.core.management import call_command\n"
        f"call_command({lines[1][0]!r}, '--batch', '--no-reload')\n",
        cwd=place,
        **variables,
    )
    assert opens(place) == 3


def test_tasks_are_given_back_as_shown():
    """That it does is seen where a worker is killed."""
    assert block("objects.running()") == GIVE_BACK


IN_DJANGO = """
from celery import Celery
app = Celery("mysite", broker=os.environ["BROKER"])
app.autodiscover_tasks()
"""


def test_celery_within_django_works_as_shown(tmp_path: Path):
    code = block('PTRACK_BACKGROUND = "celery"\n')
    site(tmp_path, f"import os{SETTINGS}{IN_DJANGO}{code}")
    with Redis(tmp_path) as redis:
        variables = {
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            "PTRACK_SECRET": SECRET,
            "BROKER": redis.url,
        }
        run_python(VISIT.format(commands=[]), cwd=tmp_path, **variables)
        assert redis.queued() == 3
        line = "celery -A mysite.settings worker --pool solo --loglevel INFO"
        with Worker(line, " ready.", tmp_path, **variables):
            wait_until(lambda: opens(tmp_path) == 3, 20, "not recorded")


def test_options_of_the_broker_are_kombus():
    from kombu.transport.redis import Channel

    for part in ("unacked_restore_throttle", "broker_connection_timeout"):
        app = Celery("tests", set_as_current=False)
        exec(block(part), {"app": app})
        options = app.conf.broker_transport_options.keys()
        if kombu.VERSION < (5, 7):
            # As the page says.
            options -= {"unacked_restore_interval", "unacked_restore_throttle"}
        assert options <= set(Channel.from_transport_options)
    assert app.conf.broker_connection_timeout == 0.5


def test_counting_once_with_djangos_models_works_as_shown(tmp_path: Path):
    code = f"""
import django
from django.conf import settings
settings.configure(DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3",
    "NAME": ":memory:"}}}}, USE_TZ=True)
django.setup()
from django.db import connection, models
class Open(models.Model):
    hit = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    class Meta:
        app_label = "opens"
with connection.schema_editor() as editor:
    editor.create_model(Open)
import ptrack
from types import SimpleNamespace
request = SimpleNamespace(META={{}})
for _ in range(2):
    exec({block("ignore_conflicts")!r})
assert Open.objects.get().at == ptrack.hit(request).at
"""
    run_python(code)


def test_every_block_is_run_by_a_test():
    """Each is asked for by a call of ``block`` in one of the tests above."""
    others = ("unacked_restore_throttle", "broker_connection_timeout")
    assert not_run(PAGE.blocks, __file__, others=others) == []
