"""docs/background.md: every code block of it runs, with real services."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import kombu
import pytest
from celery import Celery

from ptrack.core.answers import GIF
from ptrack.core.tokens import TokenBox
from tests.docs.blocks import Block, claim, take_block
from tests.processes import ROOT, fetch, reserve_port, run_python, run_server
from tools.soak.background import GIVE_BACK
from tools.soak.processes import wait_until
from tools.soak.service import Announcer
from tools.soak.services import Redis

pytestmark = [pytest.mark.once, pytest.mark.flaky(reruns=1)]

PAGE = "docs/background.md"
PIXELS = take_block(__file__, PAGE, "class Opens")
SECRET = "s" * 32


def count_opens(place: Path) -> int:
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


def serve(place: Path, commands: Block, sign: str, broker: str) -> str:
    """Run a worker's command and a mirror's; return the worker's log."""
    (place / "pixels.py").write_text(PIXELS.code)
    line, mirror = commands.code.replace('"$BROKER"', broker).splitlines()
    setting, *command = mirror.replace('"', "").split()
    name, _, value = setting.partition("=")
    port = reserve_port()
    command[1:1] = ["-b", f"127.0.0.1:{port}"]
    variables = {"BROKER": broker}
    with (
        Worker(line, sign, place, **variables) as worker,
        run_server(
            *command,
            port=port,
            cwd=place,
            PTRACK_SECRET=SECRET,
            **{name: value, **variables},
        ),
    ):
        open_mails(port)
        wait_until(lambda: count_opens(place) == 3, 20, "not recorded")
    return worker.read_output()


@claim(PAGE, app="app = Celery(", commands="celery -A app")
def test_celery_outside_django_records(app: Block, commands: Block, tmp_path: Path):
    (tmp_path / "app.py").write_text(app.code)
    with Redis(tmp_path) as redis:
        log = serve(tmp_path, commands, " ready.", redis.url)
    assert log.count("succeeded in") == 3
    assert "news" not in log


@claim(PAGE, engine="class RQ", commands="rq worker")
def test_own_engine_records(engine: Block, commands: Block, tmp_path: Path):
    (tmp_path / "engine.py").write_text(engine.code)
    with Redis(tmp_path) as redis:
        log = serve(tmp_path, commands, "Listening on", redis.url)
    assert "callback" not in log
    assert "news" not in log


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


def write_site(place: Path, settings: str) -> Path:
    package = place / "mysite"
    package.mkdir()
    for name, source in {
        "__init__": "",
        "settings": settings,
        "urls": "urlpatterns = []",
        "pixels": PIXELS.code,
    }.items():
        (package / f"{name}.py").write_text(source)
    return place


@claim(
    PAGE,
    settings="django_tasks_db.DatabaseBackend",
    commands="manage.py db_worker",
    giving_back="objects.running()",
)
def test_tasks_record(
    settings: Block, commands: Block, giving_back: Block, tmp_path: Path
):
    pytest.importorskip("django_tasks_db")
    place = write_site(tmp_path, SETTINGS + settings.code + HAS_ITS_OWN)
    lines = [line.split()[2:] for line in commands.code.splitlines()]
    assert [line[0] for line in lines] == ["migrate", "db_worker"]
    variables = {"DJANGO_SETTINGS_MODULE": "mysite.settings", "PTRACK_SECRET": SECRET}
    run_python(VISIT.format(commands=[lines[0]]), cwd=place, **variables)
    assert count_opens(place) == 0
    run_python(
        'import sys; sys.path.insert(0, "")\n'
        f"import django; django.setup()\n{giving_back.code}"
        "from django.core.management import call_command\n"
        f"call_command({lines[1][0]!r}, '--batch', '--no-reload')\n",
        cwd=place,
        **variables,
    )
    assert count_opens(place) == 3


@claim(PAGE, block="objects.running()")
def test_tasks_are_given_back_as_after_a_worker_is_killed(block: Block):
    """The test of the faults runs the same code, and shows that it helps."""
    assert block.code == GIVE_BACK


IN_DJANGO = """
from celery import Celery
app = Celery("mysite", broker=os.environ["BROKER"])
app.autodiscover_tasks()
"""


@claim(PAGE, block='PTRACK_BACKGROUND = "celery"\n')
def test_celery_within_django_records(block: Block, tmp_path: Path):
    write_site(tmp_path, f"import os{SETTINGS}{IN_DJANGO}{block.code}")
    with Redis(tmp_path) as redis:
        variables = {
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            "PTRACK_SECRET": SECRET,
            "BROKER": redis.url,
        }
        run_python(VISIT.format(commands=[]), cwd=tmp_path, **variables)
        assert redis.count_queued() == 3
        line = "celery -A mysite.settings worker --pool solo --loglevel INFO"
        with Worker(line, " ready.", tmp_path, **variables):
            wait_until(lambda: count_opens(tmp_path) == 3, 20, "not recorded")


@claim(PAGE, restoring="unacked_restore_throttle", waiting="broker_connection_timeout")
def test_options_of_the_broker_are_kombus(restoring: Block, waiting: Block):
    from kombu.transport.redis import Channel

    for block in (restoring, waiting):
        app = Celery("tests", set_as_current=False)
        block.run(app=app)
        options = app.conf.broker_transport_options.keys()
        if kombu.VERSION < (5, 7):
            # The page says that these need 5.7.
            options -= {"unacked_restore_interval", "unacked_restore_throttle"}
        assert options <= set(Channel.from_transport_options)
    assert app.conf.broker_connection_timeout == 0.5


@claim(PAGE, block="ignore_conflicts")
def test_djangos_models_count_a_hit_once(block: Block):
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
    exec({block.code!r})
assert Open.objects.get().at == ptrack.hit(request).at
"""
    run_python(code)
