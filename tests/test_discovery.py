"""ptrack.discovery and ptrack.apps: finding pixels.py, in fresh processes."""

import sys
from pathlib import Path
from typing import Any

import pytest

from ptrack.discovery import find_project_packages, import_pixels
from tests.processes import run_python

PIXELS = """
import ptrack

@ptrack.tracker.register
class {name}(ptrack.TrackingPixel):
    background = True

    def record(self, request, *args, **kwargs):
        pass
"""

SHOW = """
import ptrack
print(sorted(ptrack.tracker.in_background))
"""

SETTINGS = """
SECRET_KEY = "x"
USE_TZ = True
INSTALLED_APPS = {apps}
ROOT_URLCONF = "{urlconf}"
PTRACK_SECRET = "s" * 32
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a project with pixels of its own, an app with some and one without."""
    for package in ("project", "shop", "blog"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "project/urls.py").write_text("urlpatterns = []")
    (tmp_path / "project/pixels.py").write_text(PIXELS.format(name="Project"))
    (tmp_path / "shop/pixels.py").write_text(PIXELS.format(name="Shop"))
    return tmp_path


def discover(site: Path, *apps: str, urlconf: str = "project.urls") -> str:
    """Return the names of the callbacks that the site has with these apps."""
    settings = SETTINGS.format(apps=list(apps), urlconf=urlconf)
    (site / "project/settings.py").write_text(settings)
    return run_python(
        f"import sys; sys.path.insert(0, ''); import django; django.setup(){SHOW}",
        cwd=site,
        DJANGO_SETTINGS_MODULE="project.settings",
    ).strip()


def test_missing_package_of_the_urlconf_is_left_to_django(site):
    for urlconf in ("gone.urls", "project.urls.gone"):
        found = discover(site, "ptrack", "shop", urlconf=urlconf)
        assert "shop.pixels.Shop" in found


def test_missing_import_of_a_package_is_raised(site):
    (site / "other").mkdir()
    (site / "other/__init__.py").write_text("import missing_of_it")
    with pytest.raises(AssertionError, match="No module named 'missing_of_it'"):
        discover(site, "ptrack", urlconf="other.urls")


def test_pixels_of_all_apps_and_of_the_project_are_found(site):
    """The project's own package isn't an installed app."""
    found = discover(site, "ptrack", "shop", "blog")
    assert found == "['project.pixels.Project', 'shop.pixels.Shop']"


def test_pixels_are_found_once_where_the_project_is_an_app_too(site):
    found = discover(site, "project", "ptrack")
    assert found == "['project.pixels.Project']"


def test_config_by_its_full_name_discovers_as_well(site):
    found = discover(site, "ptrack.apps.PtrackConfig", "shop")
    assert found == "['project.pixels.Project', 'shop.pixels.Shop']"


def test_simple_config_discovers_nothing(site):
    assert discover(site, "ptrack.apps.SimplePtrackConfig", "shop") == "[]"


def test_project_is_found_by_its_urlconf_where_the_settings_are_configured_in_code(
    site,
):
    code = (
        "import sys; sys.path.insert(0, '');"
        "from django.conf import settings; import django;"
        "settings.configure(INSTALLED_APPS=['ptrack'], ROOT_URLCONF='project.urls');"
        f"django.setup(){SHOW}"
    )
    assert "project.pixels.Project" in run_python(code, cwd=site)


@pytest.mark.parametrize("package", ["project", "shop"])
@pytest.mark.parametrize("broken", ["import no_such_module", "1 / 0"])
def test_error_inside_pixels_is_never_swallowed(site, package, broken):
    (site / package / "pixels.py").write_text(broken)
    with pytest.raises(AssertionError, match=r"no_such_module|ZeroDivisionError"):
        discover(site, "ptrack", "shop")


# -- callbacks that nothing imports: the hints of W005 and W006 are followed ----------

COMPLAIN = """
import logging, sys; sys.path.insert(0, "")
logging.basicConfig(stream=sys.stdout, format="%(message)s")
import django; django.setup()
from django.core.checks import run_checks
from django.core.handlers.wsgi import WSGIHandler
for each in run_checks():
    # The callbacks here are for the background, and there is no engine.
    if each.id != "ptrack.W004":
        print(each.id, each.hint)
WSGIHandler()
"""
HITS_ARE_LOST = "No callback is registered, so every hit is answered and thrown away."
REGISTERING_STATS = """
import ptrack
from ptrack.stats.recording import RecordOpen
ptrack.tracker.register(RecordOpen)
"""

IMPORTING = """
from django.apps import AppConfig
class Shop(AppConfig):
    name = "shop"
    def ready(self):
        import shop.pixels
"""


def complain(site: Path, *apps: str) -> str:
    """Return the hints of the checks, and the log, of a site with the middleware."""
    settings = SETTINGS.format(apps=list(apps), urlconf="project.urls")
    settings += "MIDDLEWARE = ['ptrack.middleware.PtrackMiddleware']\n"
    (site / "project/settings.py").write_text(settings)
    return run_python(COMPLAIN, cwd=site, DJANGO_SETTINGS_MODULE="project.settings")


@pytest.fixture
def silent_site(site: Path) -> Path:
    """Return a project with no callback."""
    (site / "project/pixels.py").unlink()
    (site / "shop/pixels.py").unlink()
    return site


@pytest.mark.parametrize("wrong", ["project/pixel.py", "pixels.py", "shop/Pixels.py"])
def test_file_that_nothing_imports_is_named_and_found_when_it_is_moved(
    silent_site: Path, wrong: str
):
    file = silent_site / wrong
    file.write_text(PIXELS.format(name="Moved"))
    found = complain(silent_site, "ptrack", "shop")
    assert found.count(f"Not imported: {file}.") == 2
    assert "ptrack.W006 Register one (ptrack.tracker.register) in the module" in found
    assert HITS_ARE_LOST in found
    file.rename(silent_site / "project/pixels.py")
    assert complain(silent_site, "ptrack", "shop") == ""


def test_pixels_of_an_app_that_is_not_installed_are_named(silent_site: Path):
    file = silent_site / "shop/pixels.py"
    file.write_text(PIXELS.format(name="Shop"))
    assert f"Not imported: {file}." in complain(silent_site, "ptrack")
    assert complain(silent_site, "ptrack", "shop") == ""


def test_module_that_is_imported_and_registers_nothing_is_not_named(
    silent_site: Path,
):
    (silent_site / "project/pixels.py").write_text("import ptrack")
    found = complain(silent_site, "ptrack", "shop")
    assert HITS_ARE_LOST in found
    assert "Not imported" not in found


def test_module_that_is_imported_by_a_link_to_its_directory_is_not_named(
    silent_site: Path, tmp_path_factory: pytest.TempPathFactory
):
    """As where the current release is a link."""
    link = tmp_path_factory.mktemp("links") / "current"
    link.symlink_to(silent_site)
    (silent_site / "project/pixels.py").write_text("import ptrack")
    through = COMPLAIN.replace('sys.path.insert(0, "")', f"sys.path[:0] = ['{link}']")
    complain(silent_site, "ptrack", "shop")  # It writes the settings.
    found = run_python(
        through, cwd=silent_site, DJANGO_SETTINGS_MODULE="project.settings"
    )
    assert HITS_ARE_LOST in found
    assert "Not imported" not in found


def test_site_without_the_app_is_warned_of_by_the_log_alone(site: Path):
    found = complain(site, "shop")
    assert found.startswith(f'{HITS_ARE_LOST} Add "ptrack" to INSTALLED_APPS')
    assert complain(site, "ptrack", "shop") == ""


def test_simple_config_warns_of_modules_that_the_site_has_not_imported(site: Path):
    found = complain(site, "ptrack.apps.SimplePtrackConfig", "shop")
    assert "ptrack.W006 Import the modules that register one" in found
    assert f"{HITS_ARE_LOST} Import the modules that register one" in found
    assert str(site / "shop/pixels.py") in found
    (site / "shop/apps.py").write_text(IMPORTING)
    assert complain(site, "ptrack.apps.SimplePtrackConfig", "shop") == ""


def test_mirror_of_a_site_that_is_not_set_up_is_told_to(site: Path):
    complain(site, "ptrack", "shop")
    mirror = "from ptrack.wsgi import mirror; mirror()"
    found = [
        run_python(
            "import logging, sys; sys.path.insert(0, '')\n"
            "logging.basicConfig(stream=sys.stdout, format='%(message)s')\n"
            f"{start}{mirror}",
            cwd=site,
            DJANGO_SETTINGS_MODULE="project.settings",
        )
        for start in ("", "import django; django.setup()\n")
    ]
    assert f"{HITS_ARE_LOST} Call django.setup() first" in found[0]
    assert HITS_ARE_LOST not in found[1]


def test_stats_without_ptrack_are_helped_by_their_hint(silent_site: Path):
    apps = ["django.contrib.contenttypes", "ptrack.stats"]
    (silent_site / "project/pixels.py").write_text(REGISTERING_STATS)
    found = complain(silent_site, *apps)
    assert 'ptrack.W005 Have "ptrack" in INSTALLED_APPS too, which imports' in found
    assert complain(silent_site, "ptrack", *apps) == ""


def test_stats_without_a_callback_are_helped_by_their_hint(silent_site: Path):
    apps = ["ptrack", "ptrack.stats"]
    assert "ptrack.W005" in complain(silent_site, *apps)
    (silent_site / "project/pixels.py").write_text(REGISTERING_STATS)
    assert complain(silent_site, *apps) == ""


# -- plain WSGI apps ------------------------------------------------------------------

WRAP = (
    """
import sys; sys.path.insert(0, "")
from ptrack.wsgi import PtrackWSGIMiddleware
PtrackWSGIMiddleware(None, secret="s" * 32, pixels={pixels!r})
"""
    + SHOW
)


@pytest.mark.parametrize(
    ("pixels", "found"),
    [
        (None, "['pixels.Top']"),
        ("shop.pixels", "['shop.pixels.Shop']"),
        (
            ["shop.pixels", "project.pixels"],
            "['project.pixels.Project', 'shop.pixels.Shop']",
        ),
        ((), "[]"),
    ],
)
def test_wsgi_app_has_the_named_modules_or_a_top_level_pixels(site, pixels, found):
    (site / "pixels.py").write_text(PIXELS.format(name="Top"))
    assert run_python(WRAP.format(pixels=pixels), cwd=site).strip() == found


def test_wsgi_app_may_have_no_pixels(site):
    assert run_python(WRAP.format(pixels=None), cwd=site).strip() == "[]"


def test_wsgi_app_whose_pixels_are_broken_does_not_start(site):
    (site / "pixels.py").write_text("import no_such_module")
    with pytest.raises(AssertionError, match="no_such_module"):
        run_python(WRAP.format(pixels=None), cwd=site)
    with pytest.raises(AssertionError, match="nowhere"):
        run_python(WRAP.format(pixels="nowhere"), cwd=site)


# -- in this process ------------------------------------------------------------------


def test_within_django_no_top_level_module_is_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "pixels.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    import_pixels(None)


def test_django_discovers_again_without_harm(settings: Any):
    import ptrack

    ptrack.autodiscover()


def test_module_that_is_named_is_imported_or_an_error():
    import_pixels(["tests.pixels_for_paste"])
    assert "tests.pixels_for_paste" in sys.modules
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        import_pixels("nowhere")


@pytest.mark.usefixtures("outside_django")
def test_outside_django_top_level_pixels_are_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    import_pixels(None)
    (tmp_path / "pixels.py").write_text("raise LookupError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LookupError, match="imported"):
        import_pixels(None)


@pytest.mark.parametrize(
    ("module", "urlconf", "packages"),
    [
        ("site.settings", "site.urls", ["site"]),
        ("a.conf.settings.dev", "b.urls", ["a.conf.settings", "a.conf", "a", "b"]),
        ("settings", "urls", []),
        ("settings", "a.urls", ["a"]),
        ("", None, []),
    ],
)
def test_packages_of_a_project_are_those_of_settings_and_urlconf(
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    urlconf: Any,
    packages: list[str],
):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", module)
    settings.ROOT_URLCONF = urlconf
    assert find_project_packages() == packages
