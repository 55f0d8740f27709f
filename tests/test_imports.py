"""The imports: each of the five rules on them, read from the source and tried out."""

import ast
import re
from collections.abc import Iterator
from importlib import metadata
from importlib.util import resolve_name
from pathlib import Path

import pytest

from tests.processes import ROOT, run_python

PACKAGE = ROOT / "ptrack"


def name_module(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


SOURCES = {name_module(path): path for path in PACKAGE.rglob("*.py")}
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in SOURCES.items()}
ADAPTERS = {f"ptrack.{each}" for each in ("middleware", "views", "wsgi", "asgi")}


def is_for_types(node: ast.AST) -> bool:
    """Return whether a node is ``if TYPE_CHECKING:``, which doesn't run."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def walk(node: ast.AST, *, functions: bool) -> Iterator[ast.AST]:
    """Yield all nodes below one that run, with or without those inside functions."""
    for child in ast.iter_child_nodes(node):
        if is_for_types(child):
            continue
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if functions or not inside:
            yield child
            yield from walk(child, functions=functions)


def find_imports(module: str, *, functions: bool = True) -> set[str]:
    """Return the modules that a module imports.

    Args:
        module: Its name.
        functions: Include the modules that it imports inside of functions.
    """
    found = set()
    for node in walk(TREES[module], functions=functions):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = resolve_start(module, node)
            found |= {choose_module(start, alias.name) for alias in node.names}
    return found


def resolve_start(module: str, node: ast.ImportFrom) -> str:
    is_package = SOURCES[module].name == "__init__.py"
    package = module if is_package else module.rpartition(".")[0]
    return resolve_name("." * node.level + (node.module or ""), package)


def choose_module(start: str, name: str) -> str:
    """Return the module that ``from start import name`` imports."""
    submodule = f"{start}.{name}"
    return submodule if submodule in SOURCES else start


def find_own(imports: set[str]) -> set[str]:
    return {name for name in imports if name.partition(".")[0] == "ptrack"}


def test_imports_are_found_in_all_their_forms():
    """Otherwise the rules would hold of nothing."""
    assert "ptrack.conf" in find_imports("ptrack.wrapper")  # from . import conf
    assert "ptrack.core.kinds" in find_imports("ptrack")  # from .core.kinds import …
    assert "ptrack.core.hits" in find_imports("ptrack.core.jobs")
    assert "ptrack" in find_imports("ptrack.stats.recording")  # import ptrack
    assert "django.conf" in find_imports("ptrack.conf")
    assert "django.conf" not in find_imports("ptrack.conf", functions=False)
    assert "ptrack.urlconf" not in find_imports("ptrack.conf", functions=False)
    assert find_own(find_imports("ptrack.checks")) <= set(SOURCES)


# -- 1: core imports neither Django nor WebOb, and of ptrack only exceptions ----------

CORE = [name for name in SOURCES if name.startswith("ptrack.core")]


@pytest.mark.parametrize("module", CORE)
def test_core_imports_neither_django_nor_webob_nor_the_rest_of_ptrack(module: str):
    imports = find_imports(module)
    assert not {name.partition(".")[0] for name in imports} & {"django", "webob"}
    assert find_own(imports) <= {*CORE, "ptrack.exceptions"}


def test_core_can_be_imported_without_django_and_webob():
    run_python(
        "import sys\n"
        "for name in ('django', 'webob'): sys.modules[name] = None\n"
        f"for name in {CORE}: __import__(name)\n"
    )


# -- 2: only conf reads settings or the environment; it imports core, no adapter ------

# It compares variables of a request with the process's own, and reads no setting.
COMPARISON = ("ptrack.core.jobs", "_read_environment")


def find_reads(module: str) -> set[str]:
    """Return the functions of a module that read settings or the environment."""
    return {
        name
        for name, node in find_functions(TREES[module])
        for child in ast.walk(node)
        if is_read(child)
    }


def find_functions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield each statement at the top, with the function's name if it is one."""
    for node in tree.body:
        yield getattr(node, "name", ""), node


def is_read(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name("os"), attr="environ" | "getenv"):
            return True
        case ast.ImportFrom(module="os", names=names):
            return any(alias.name in ("environ", "getenv") for alias in names)
        case ast.ImportFrom(module="django.conf", names=names):
            return any(alias.name == "settings" for alias in names)
        case ast.Import(names=names):
            return any(alias.name == "django.conf" for alias in names)
    return False


def test_only_conf_reads_settings_or_the_environment():
    readers = {
        (module, function) for module in SOURCES for function in find_reads(module)
    }
    assert {module for module, _ in readers} == {"ptrack.conf", COMPARISON[0]}
    assert {each for each in readers if each[0] != "ptrack.conf"} == {COMPARISON}


def test_conf_imports_only_core_and_exceptions_at_its_top():
    imports = find_own(find_imports("ptrack.conf", functions=False))
    assert imports <= {*CORE, "ptrack.exceptions"}
    assert find_own(find_imports("ptrack.conf")) - imports == {"ptrack.urlconf"}


# -- 3: the adapters don't import each other ------------------------------------------


@pytest.mark.parametrize("module", sorted(ADAPTERS))
def test_adapter_imports_no_other_adapter(module: str):
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        seen.add(name := waiting.pop())
        waiting += find_own(find_imports(name)) - seen
    assert seen & ADAPTERS == {module}


# -- 4: no cycle among the imports at the top of the modules --------------------------


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules that are in a cycle, or lead to one."""
    left = dict(graph)
    while True:
        ends = {name for name, imports in left.items() if not imports & left.keys()}
        if not ends:
            return sorted(left)
        left = {name: imports for name, imports in left.items() if name not in ends}


def test_imports_at_the_top_have_no_cycle():
    graph = {name: find_own(find_imports(name, functions=False)) for name in SOURCES}
    assert "ptrack.discovery" in graph["ptrack"]
    assert find_cycle(graph) == []


def test_cycle_would_be_found():
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set()}) == [*"abc"]
    assert find_cycle({"a": {"a"}}) == ["a"]


# -- 5: "import ptrack" is light ------------------------------------------------------


def find_packages_of_extras() -> set[str]:
    """Return the top-level modules of all that an extra brings, as far as installed."""
    extras = {
        re.match(r"[\w.-]+", requirement)[0].lower()
        for requirement in metadata.requires("django-ptrack") or []
        if "extra ==" in requirement
    }
    return {
        module
        for module, distributions in metadata.packages_distributions().items()
        if extras & {name.lower() for name in distributions}
    }


NEW = """
import sys
before = set(sys.modules)
{code}
print(*{{name.partition(".")[0] for name in set(sys.modules) - before}})
"""


def test_import_outside_django_brings_nothing_of_django_webob_or_an_extra():
    new = set(run_python(NEW.format(code="import ptrack")).split())
    assert {"ptrack", "nacl"} <= new
    assert not new & ({"django", "asgiref", "webob"} | find_packages_of_extras())


def test_import_under_django_brings_nothing_of_webob_or_an_extra():
    code = "import django; django.setup(); import ptrack.middleware, ptrack.urls"
    new = set(
        run_python(
            NEW.format(code=code), DJANGO_SETTINGS_MODULE="tests.settings"
        ).split()
    )
    assert {"ptrack", "django"} <= new
    assert not new & ({"webob"} | find_packages_of_extras())


def test_packages_of_extras_are_found():
    found = find_packages_of_extras()
    assert {"celery", "crawleruseragents", "python_ipware", "linkify_it"} <= found
    assert not found & {"django", "nacl", "webob"}


def test_import_needs_no_configuration():
    run_python("import ptrack, ptrack.asgi, ptrack.wsgi, ptrack.trackers")


PIXELS = """
import ptrack

@ptrack.tracker.register
class A(ptrack.TrackingPixel):
    async def record(self, request, *args): print('async', *args)

@ptrack.tracker.register
class B(ptrack.TrackingPixel):
    def record(self, request, *args): print(request.META['HTTP_X'], *args)
"""
WSGI = """
import sys; sys.path.insert(0, "")
import ptrack, ptrack.wsgi
mirror = ptrack.wsgi.mirror()
def get(path):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "HTTP_X": "sync"}
    mirror(environ, lambda status, headers: print(status[:3]))
"""
ASGI = """
import sys; sys.path.insert(0, "")
import asyncio, ptrack, ptrack.asgi
mirror = ptrack.asgi.mirror()
async def send(message):
    if "status" in message: print(message["status"])
def get(path):
    headers = [(b"x", b"sync")]
    scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
    asyncio.run(mirror(scope, None, send))
"""
USE = """
url = ptrack.pixel_url("hit"); ptrack.pixel_tag(); mirror.pixel_tag()
get(url.removeprefix("https://h")); get("/other")
print([name for name in sys.modules if name.partition(".")[0] == "django"])
"""


@pytest.mark.parametrize("code", [WSGI, ASGI], ids=["WSGI", "ASGI"])
def test_hits_outside_django_import_nothing_of_django_either(code: str, tmp_path: Path):
    """They run a sync and an async callback; the app makes a URL and a tag, too."""
    (tmp_path / "pixels.py").write_text(PIXELS)
    out = run_python(
        code + USE, cwd=tmp_path, PTRACK_SECRET="s" * 32, PTRACK_APP_URL="https://h"
    )
    assert out.splitlines() == ["async hit", "sync hit", "200", "404", "[]"]
