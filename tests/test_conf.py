"""ptrack.conf: reading settings and environment, and judging them."""

import sys
from ipaddress import ip_network

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.urls import get_script_prefix, set_script_prefix
from django.utils import translation

import ptrack
from ptrack import conf
from ptrack import urlconf as places
from ptrack.conf import Configuration
from ptrack.core.tokens import TokenBox
from ptrack.exceptions import PtrackConfigurationError
from ptrack.middleware import PtrackMiddleware
from ptrack.urlconf import Place, place_in

SECRET = "s" * 32


def test_configuration_does_not_show_secrets():
    assert SECRET not in repr(Configuration(secret=SECRET, fallbacks=[SECRET]))


# -- building -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad", [{"secret": None}, {"fallbacks": "abc"}, {"fallbacks": [""]}, {"prefix": 1}]
)
def test_bad_value_is_refused_when_the_endpoint_is_built(bad):
    with pytest.raises(PtrackConfigurationError, match="PTRACK_"):
        conf.build(Configuration(**({"secret": SECRET} | bad)))


class Custom:
    @staticmethod
    def encrypt(*args, **kwargs):
        return "token"

    @staticmethod
    def decrypt(token):
        return [], {}


def test_encoder_that_was_given_does_without_a_secret():
    place = conf.build(Configuration(app_url="https://h"), encoder=Custom)
    assert place.url([], {}) == "https://h/ptrack/token/"


def test_encoder_that_was_assigned_is_used_from_then_on():
    place = conf.build(Configuration(secret=SECRET, app_url="https://h"))
    assert place.url([], {}) != "https://h/ptrack/token/"
    ptrack.ptrack_encoder = Custom
    assert place.url([], {}) == "https://h/ptrack/token/"


# -- the environment ------------------------------------------------------------------


def test_environment_is_read_whole():
    found = conf.from_environment(
        {
            "PTRACK_SECRET": "new",
            "PTRACK_SECRET_FALLBACKS": "old, older,,",
            "PTRACK_APP_URL": "https://h",
            "PTRACK_PREFIX": "/p/",
            "PTRACK_LINK_FALLBACK_URL": "https://h/help",
            "PTRACK_LINK_QUERY": "a, b",
            "PTRACK_HONOUR_GPC": "True",
            "PTRACK_BACKGROUND": "celery",
            "PTRACK_BACKGROUND_QUEUE": "pixels",
        }
    )
    assert found == Configuration(
        *("new", ("old", "older"), "https://h", "/p/", "https://h/help"),
        *(("a", "b"), True, "celery", "pixels"),
    )


@pytest.mark.parametrize(
    ("text", "query", "honour"),
    [
        ("true", True, True),
        ("False", False, False),
        ("", None, None),
        ("maybe", ("maybe",), "maybe"),
    ],
)
def test_switches_of_the_environment_are_true_or_false(text, query, honour):
    """Anything else is left to be complained of."""
    found = conf.from_environment(
        {"PTRACK_LINK_QUERY": text, "PTRACK_HONOUR_GPC": text}
    )
    assert (found.link_query, found.honour_gpc) == (query, honour)


def test_empty_variable_is_one_that_is_not_set():
    names = (
        *("SECRET", "SECRET_FALLBACKS", "APP_URL", "PREFIX"),
        *("BACKGROUND", "BACKGROUND_QUEUE"),
    )
    found = conf.from_environment({f"PTRACK_{name}": "" for name in names})
    assert found == conf.from_environment({}) == Configuration(fallbacks=())


# -- Django's settings ----------------------------------------------------------------


def test_django_is_told_by_its_settings_or_by_the_environment(monkeypatch):
    assert conf.in_django()
    monkeypatch.setattr(conf, "_django_endpoint", None)
    assert conf.in_django()
    monkeypatch.delitem(sys.modules, "django.conf")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
    assert conf.in_django()
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    assert not conf.in_django()


@pytest.mark.parametrize(
    ("urlconf", "place", "shared"),
    [
        ("tests.urlconfs.empty", Place("/ptrack/", "/"), False),
        ("tests.urlconfs.included", Place("/ptrack/", "/"), False),
        ("tests.urlconfs.track", Place("/track/", "/"), False),
        ("tests.urlconfs.nested", Place("/a/b ü/", "/"), False),
        ("tests.urlconfs.root", Place("/", "/"), True),
        ("ptrack.urls", Place("/", "/"), True),
        ("tests.urlconfs.localised", Place("/en-us/track/", "/"), False),
        ("tests.urlconfs.namespaced", Place("/ptrack/", "/"), False),
        ("tests.urlconfs.own_view", Place("/img/", ".gif"), True),
        ("tests.urlconfs.broken", Place("/ptrack/", "/"), False),
        ("tests.urlconfs.missing", Place("/ptrack/", "/"), False),
    ],
)
def test_prefix_is_the_place_of_the_include(urlconf, place, shared):
    with override_settings(ROOT_URLCONF=urlconf):
        assert conf.django_place() == place
        assert conf.django_endpoint().shared is shared


def test_place_is_the_same_whatever_the_request_at_hand():
    set_script_prefix("/mounted/")
    try:
        with (
            translation.override("de"),
            override_settings(ROOT_URLCONF="tests.urlconfs.localised"),
        ):
            place_in.cache_clear()
            assert conf.django_place().prefix == "/en-us/track/"
            assert get_script_prefix() == "/mounted/"
    finally:
        set_script_prefix("/")


@override_settings(ROOT_URLCONF="tests.urlconfs.localised")
def test_place_below_a_language_is_that_of_the_sites_own():
    assert conf.django_place().prefix == "/en-us/track/"
    with override_settings(LANGUAGE_CODE="de"):
        assert conf.django_place().prefix == "/de/track/"


@override_settings(ROOT_URLCONF="tests.urlconfs.root", PTRACK_PREFIX="/")
def test_prefix_that_is_set_is_not_shared_even_at_the_root():
    assert not conf.django_endpoint().shared


def test_site_without_a_urlconf_has_the_default_prefix(settings):
    del settings.ROOT_URLCONF
    assert conf.django_place() == Place("/ptrack/", "/")


def test_place_is_found_out_once_and_not_per_url(monkeypatch):
    asked = []
    monkeypatch.setattr(
        places, "place_in", lambda *given: asked.append(1) or place_in(*given)
    )
    for urlconf in ("tests.urlconfs.track", "tests.urlconfs.broken"):
        asked.clear()
        with override_settings(ROOT_URLCONF=urlconf):
            for _ in range(5):
                ptrack.pixel_url()
        assert len(asked) == 1


@override_settings(ROOT_URLCONF="tests.urlconfs.broken")
def test_urlconf_that_cannot_be_imported_is_logged_once_with_its_reason(caplog):
    for _ in range(3):
        ptrack.pixel_url()
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("ptrack", "WARNING")
    assert "tests.urlconfs.broken can't be imported" in record.getMessage()
    assert "this URLconf is broken" in caplog.text


@override_settings(ROOT_URLCONF="tests.urlconfs.itself")
def test_urlconf_that_makes_pixels_at_import_does_not_fix_the_wrong_place():
    """Asked half-way through the import, the place isn't settled yet."""
    from tests.urlconfs import itself

    assert "/ptrack/" in itself.EARLY
    assert ptrack.pixel_url().startswith("https://www.example.com/track/")


def test_endpoint_is_built_once_per_set_of_values():
    assert conf.django_endpoint() is conf.django_endpoint()
    before = conf.django_endpoint()
    with override_settings(PTRACK_PREFIX="/other/"):
        assert conf.django_endpoint().prefix == "/other/"
    assert conf.django_endpoint() is not before
    before = conf.django_endpoint()
    with override_settings(DEBUG=True):
        assert conf.django_endpoint() is before


@override_settings(PTRACK_SECRET="")
def test_bad_setting_is_improperly_configured_for_django():
    with pytest.raises(ImproperlyConfigured, match="PTRACK_SECRET can't be used"):
        conf.django_endpoint()


@pytest.mark.parametrize(
    ("module", "urlconf", "packages"),
    [
        ("site.settings", "site.urls", ["site"]),
        ("a.conf.settings.dev", "b.urls", ["a.conf.settings", "a.conf", "a", "b"]),
        ("settings", "urls", []),
        ("", None, []),
    ],
)
def test_projects_packages_are_those_of_settings_and_urlconf(
    settings, monkeypatch, module, urlconf, packages
):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", module)
    settings.ROOT_URLCONF = urlconf
    assert conf.project_packages() == packages


def test_middleware_is_recognised_by_its_class(settings):
    settings.MIDDLEWARE = ["tests.test_conf.Derived", "no.such.Middleware"]
    assert conf.uses_middleware(PtrackMiddleware)
    settings.MIDDLEWARE = ["no.such.Middleware", "tests.test_conf.function"]
    assert not conf.uses_middleware(PtrackMiddleware)


class Derived(PtrackMiddleware):
    pass


def function(get_response):
    return get_response


# -- trusted proxies ------------------------------------------------------------------


def test_nobody_is_trusted_unless_the_settings_say_so():
    assert conf.trusted_proxies() == conf.TrustedProxies((), unix=False)


@pytest.mark.parametrize("kind", [list, tuple, set, dict.fromkeys])
def test_trusted_proxies_are_read_from_djangos_settings(kind, settings):
    settings.PTRACK_TRUSTED_PROXIES = kind([ip_network("10.0.0.0/8"), "unix:"])
    expected = conf.TrustedProxies((ip_network("10.0.0.0/8"),), unix=True)
    assert conf.trusted_proxies() == expected
    assert conf.trusted_proxies() is conf.trusted_proxies()
    settings.PTRACK_TRUSTED_PROXIES = ["192.0.2.1"]
    assert conf.trusted_proxies().networks == (ip_network("192.0.2.1/32"),)


@pytest.mark.parametrize("wrong", ["10.0.0.1", 1, ["x"], [None], [["10.0.0.1"]]])
def test_trusted_proxies_that_are_none_are_improperly_configured(wrong, settings):
    settings.PTRACK_TRUSTED_PROXIES = wrong
    with pytest.raises(ImproperlyConfigured, match="PTRACK_TRUSTED_PROXIES"):
        conf.trusted_proxies()


@pytest.mark.usefixtures("outside_django")
def test_trusted_proxies_are_read_from_the_environment(monkeypatch):
    assert conf.trusted_proxies() == conf.TrustedProxies()
    monkeypatch.setenv("PTRACK_TRUSTED_PROXIES", " 10.0.0.0/8,, unix: ")
    expected = conf.TrustedProxies((ip_network("10.0.0.0/8"),), unix=True)
    assert conf.trusted_proxies() == expected
    monkeypatch.setenv("PTRACK_TRUSTED_PROXIES", "x")
    with pytest.raises(PtrackConfigurationError, match="PTRACK_TRUSTED_PROXIES"):
        conf.trusted_proxies()


# -- completing what a WSGI middleware was given --------------------------------------


def complete(**given):
    return conf.completed(Configuration(**given))


@override_settings(PTRACK_SECRET_FALLBACKS=["old"], PTRACK_PREFIX="/p/")
def test_what_is_not_given_comes_from_django():
    found = complete()
    assert found.secret == "s3cret of thirty-two characters!"
    assert found.fallbacks == ["old"]
    assert found.app_url == "https://www.example.com"
    assert found.prefix == "/p/"


@override_settings(ROOT_URLCONF="tests.urlconfs.root")
def test_what_is_given_stands_before_it():
    found = complete(
        secret="given", fallbacks=["gone"], app_url="http://given", prefix="/given/"
    )
    assert found == Configuration("given", ["gone"], "http://given", "/given/")


def test_what_is_given_empty_is_given():
    assert complete(fallbacks=()).fallbacks == ()


def test_bad_app_url_is_refused():
    with pytest.raises(PtrackConfigurationError, match="a scheme and a host"):
        complete(app_url="www.example.com")


# -- outside Django -------------------------------------------------------------------


@pytest.mark.usefixtures("outside_django")
def test_default_encoder_and_endpoint_read_the_environment(monkeypatch):
    assert TokenBox(SECRET).decrypt(ptrack.PtrackEncoder.encrypt(1)) == ([1], {})
    place = conf.environment_endpoint()
    assert place is conf.environment_endpoint()
    assert place.url([], {}).startswith("https://env.example/ptrack/")
    monkeypatch.setenv("PTRACK_PREFIX", "/p/")
    assert conf.environment_endpoint().prefix == "/p/"
    assert complete().prefix == "/p/"
    monkeypatch.delenv("PTRACK_SECRET")
    with pytest.raises(PtrackConfigurationError, match="PTRACK_SECRET is not set"):
        conf.environment_endpoint()
