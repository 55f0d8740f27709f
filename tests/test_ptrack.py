"""The package: its public names, its layers, and what it imports when."""

import ast
from pathlib import Path

import pytest

import ptrack
import ptrack.core.callbacks
import ptrack.exceptions
from tests.processes import ROOT, run_python

CORE = [
    "exceptions",
    "counters",
    "values",
    "encoder",
    "pixel",
    "privacy",
    "tracebacks",
    "hits",
    "eager",
    "shielded",
    "jobs",
    "background",
    "trackers",
    "engines",
    "links",
    "endpoint",
    "problems",
    "conf",
    "discovery",
    "around",
    "shortcuts",
    "commands",
    "__main__",
    "markup",
    "plaintext",
    "mime",
    "messages",
    "email",
    "environs",
    "addresses",
    "agent_rules",
    "crawlers",
    "agents",
    "testing",
]

# What a room may import, of the package and of Django, WebOb and PyNaCl, at its top.
ROOMS = {
    "__init__": {
        "counters",
        "discovery",
        "encoder",
        "hits",
        "shortcuts",
        "trackers",
    },
    "exceptions": set(),
    "counters": set(),
    "values": set(),
    "encoder": {"exceptions", "nacl", "values"},
    "pixel": set(),
    "eager": set(),
    "shielded": {"eager"},
    "trackers": {"background", "counters", "exceptions", "shielded", "tracebacks"},
    "jobs": {"hits"},
    "background": {"counters", "jobs"},
    # Its modules are imported when they are chosen.
    "engines/__init__": {"ptrack"},
    "engines/brokers": set(),
    "engines/celery": {"ptrack"},
    "engines/tasks": {"django", "ptrack"},
    "worker": {"discovery", "exceptions", "jobs", "requests", "trackers"},
    "links": {"counters", "encoder", "exceptions", "pixel"},
    "privacy": set(),
    "endpoint": {
        "counters",
        "encoder",
        "engines",
        "exceptions",
        "links",
        "pixel",
        "privacy",
        "shielded",
        "trackers",
    },
    "tracebacks": set(),
    # "ptrack" is for the one name that is looked up at each use: ptrack_encoder.
    "problems": {"background", "encoder", "exceptions", "links"},
    "conf": {
        "encoder",
        "endpoint",
        "engines",
        "exceptions",
        "problems",
        "trackers",
        "ptrack",
    },
    "discovery": {"conf", "trackers"},
    "shortcuts": {"conf", "endpoint", "exceptions"},
    "markup": set(),
    "plaintext": set(),
    "mime": set(),
    "messages": {"mime"},
    "email": {"links", "markup", "messages", "plaintext", "shortcuts"},
    "hits": set(),
    "requests": {"webob"},
    "around": {
        "background",
        "conf",
        "discovery",
        "encoder",
        "endpoint",
        "trackers",
    },
    "wsgi": {"around", "conf", "pixel", "requests"},
    "asgi": {"around", "pixel", "requests", "shielded"},
    "testing": {"conf", "endpoint", "pixel", "trackers"},
    "http": {"django", "pixel"},
    "middleware": {"django", "conf", "endpoint", "http"},
    "places": {"django"},
    "environs": set(),
    "addresses": {"conf", "environs"},
    "agent_rules": set(),
    "crawlers": set(),
    "agents": {"addresses", "agent_rules", "crawlers", "environs", "exceptions"},
    "views": {"django", "conf", "http", "pixel", "places"},
    "urls": {"django", "conf", "places", "views"},
    "checks": {
        "django",
        "conf",
        "encoder",
        "engines",
        "exceptions",
        "middleware",
        "places",
        "problems",
        "trackers",
        "views",
    },
    "apps": {"django", "checks", "conf", "discovery"},
    "commands": {"conf", "discovery", "endpoint", "exceptions", "links"},
    "__main__": {"commands", "conf"},
    "management/__init__": set(),
    "management/commands/__init__": set(),
    # "ptrack" is the package, of which it takes "commands".
    "management/commands/ptrack": {"django", "ptrack"},
    "opens/__init__": set(),
    "opens/apps": {"django", "checks"},
    "opens/checks": {"django", "ptrack"},
    "opens/keys": {"storable"},
    "opens/storable": {"django", "ptrack"},
    "opens/models": {"django", "keys"},
    "opens/bulk": {"django", "models"},
    "opens/recording": {"bulk", "keys", "models", "ptrack", "storable"},
    "opens/clearing": {"django", "models"},
    "opens/rekeying": {"django", "keys", "models", "ptrack"},
    "opens/days": {"django", "storable"},
    "opens/chart": {"days"},
    "opens/admin": {"chart", "days", "django", "keys", "models", "ptrack", "storable"},
    "opens/migrations/__init__": set(),
    "opens/migrations/0001_initial": {"django"},
    "opens/management/__init__": set(),
    "opens/management/commands/__init__": set(),
    "opens/management/commands/clear_opens": {"django", "ptrack"},
    "opens/management/commands/rekey_opens": {"django", "ptrack"},
    "contrib/__init__": set(),
    "contrib/anymail": {"ptrack"},
    "templatetags/__init__": set(),
    "templatetags/ptrack": {"django", "ptrack"},
}

OUTSIDE = {"nacl", "webob", "django", "ptrack"}


def imported_at_the_top(source: str) -> set[str]:
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            found |= OUTSIDE & {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            # The standard library has an "email" and an "http" too.
            found |= OUTSIDE & {str(node.module).split(".")[0]}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_room_imports_nothing_but_what_is_below_it(room):
    theirs = {name.split("/")[-1] for name in ROOMS} | OUTSIDE
    found = imported_at_the_top((ROOT / f"ptrack/{room}.py").read_text())
    assert found & theirs <= ROOMS[room]


def test_every_room_is_listed():
    package = ROOT / "ptrack"
    found = {
        str(path.relative_to(package).with_suffix("")) for path in package.rglob("*.py")
    }
    assert found == set(ROOMS)


def test_core_imports_with_django_and_webob_blocked():
    run_python(
        "import sys\n"
        "for name in ('django', 'webob'): sys.modules[name] = None\n"
        "import ptrack\n"
        f"for name in {CORE}: __import__('ptrack.' + name)\n"
    )


def test_import_needs_no_configuration():
    run_python(
        "import ptrack, ptrack.asgi, ptrack.wsgi, ptrack.core.tokens; ptrack.tracker"
    )


PIXELS = """
import ptrack

@ptrack.tracker.register
class A(ptrack.TrackingPixel):
    async def record(self, request, *args): print('async', *args)

@ptrack.tracker.register
class B(ptrack.TrackingPixel):
    def record(self, request, *args): print(request.META['HTTP_X'], *args)
"""


def test_outside_django_nothing_of_django_is_imported_even_after_hits(tmp_path: Path):
    """A sync and an async callback, a hit, a URL, a tag, a path of the app's own."""
    (tmp_path / "pixels.py").write_text(PIXELS)
    out = run_python(
        "import sys; sys.path.insert(0, '')\n"
        "import ptrack, ptrack.wsgi\n"
        "mirror = ptrack.wsgi.mirror()\n"
        "url = ptrack.pixel_url('hit'); ptrack.pixel_tag(); mirror.pixel_tag()\n"
        "def get(path):\n"
        "    return mirror({'REQUEST_METHOD': 'GET', 'PATH_INFO': path,\n"
        "                   'HTTP_X': 'sync'},\n"
        "                  lambda status, headers: print(status))\n"
        "get(url.removeprefix('https://h')); get('/other')\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'django'])\n",
        cwd=tmp_path,
        PTRACK_SECRET="s" * 32,
        PTRACK_APP_URL="https://h",
    )
    assert out.splitlines() == [
        "async hit",
        "sync hit",
        "200 OK",
        "404 Not Found",
        "[]",
    ]


def test_nothing_of_django_is_imported_by_hits_under_asgi_either(tmp_path: Path):
    (tmp_path / "pixels.py").write_text(PIXELS)
    out = run_python(
        "import sys; sys.path.insert(0, '')\n"
        "import asyncio, ptrack, ptrack.asgi\n"
        "mirror = ptrack.asgi.mirror()\n"
        "url = ptrack.pixel_url('hit'); mirror.pixel_tag()\n"
        "async def send(message): print(message.get('status', 'body'))\n"
        "def get(path):\n"
        "    scope = {'type': 'http', 'method': 'GET', 'path': path,\n"
        "             'headers': [(b'x', b'sync')]}\n"
        "    asyncio.run(mirror(scope, None, send))\n"
        "get(url.removeprefix('https://h')); get('/other')\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'django'])\n",
        cwd=tmp_path,
        PTRACK_SECRET="s" * 32,
        PTRACK_APP_URL="https://h",
    )
    assert out.splitlines() == [
        "async hit",
        "sync hit",
        "200",
        "body",
        "404",
        "body",
        "[]",
    ]


def test_error_outside_django_says_what_to_set():
    with pytest.raises(
        AssertionError, match=r"PtrackConfigurationError: PTRACK_SECRET is"
    ):
        run_python("import ptrack.wsgi; ptrack.wsgi.mirror()")


def test_script_with_settings_but_no_setup_can_make_pixels():
    out = run_python(
        "import ptrack; print(ptrack.pixel_url('x'))",
        DJANGO_SETTINGS_MODULE="tests.settings",
    )
    assert out.startswith("https://www.example.com/ptrack/")


def test_public_names_are_there():
    for name in ptrack.__all__:
        assert getattr(ptrack, name) is not None
    assert ptrack.ptrack_encoder is ptrack.PtrackEncoder
    assert issubclass(
        ptrack.exceptions.PtrackRegistrationError, ptrack.exceptions.PtrackError
    )
    assert isinstance(ptrack.tracker, ptrack.core.callbacks.Tracker)


def test_package_says_that_it_is_typed():
    assert (ROOT / "ptrack/py.typed").exists()


def test_package_logs_to_one_logger():
    names = {
        module.logger.name
        for module in (ptrack.core.callbacks, ptrack.core.endpoint, ptrack.conf)
    }
    assert names == {"ptrack"}
