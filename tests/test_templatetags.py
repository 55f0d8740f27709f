"""ptrack.templatetags: the tags, and the same in Jinja2."""

import re

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.template import engines
from django.test import Client, override_settings
from django.utils.translation import gettext_lazy

import ptrack

URL = r"https://www\.example\.com/ptrack/(?P<token>[A-Za-z0-9_-]+)/"


def render(source: str, **context: object) -> str:
    return engines["django"].from_string("{% load ptrack %}" + source).render(context)


def read_url(pattern: str, text: str) -> object:
    found = re.fullmatch(pattern, text)
    assert found, text
    return ptrack.PtrackEncoder.decrypt(found["token"])


def test_tag_renders_exactly_the_img():
    text = render("{% ptrack 'arg' key1='arg1' %}")
    assert read_url(f'<img src="{URL}" width=1 height=1>', text) == (
        ["arg"],
        {"key1": "arg1"},
    )


def test_tag_can_be_kept_in_a_variable():
    text = render("{% ptrack 1 as pixel %}[{{ pixel }}]")
    assert read_url(rf'\[<img src="{URL}" width=1 height=1>\]', text) == ([1], {})


def test_url_alone_can_be_rendered():
    text = render("{% ptrack_url 'arg' as url %}{{ url }}")
    assert read_url(URL, text) == (["arg"], {})
    assert re.fullmatch(URL, render("{% ptrack_url %}"))


def test_values_of_the_context_are_carried_as_they_are():
    text = render(
        "{% ptrack_url number nested title=lazy %}",
        number=3,
        nested={"a": [1.5, None, True]},
        lazy=gettext_lazy("Monday"),
    )
    assert read_url(URL, text) == ([3, {"a": [1.5, None, True]}], {"title": "Monday"})


def test_value_that_cannot_be_carried_is_named():
    with pytest.raises(TypeError, match="keyword argument 'when' of type object"):
        render("{% ptrack when=when %}", when=object())


@override_settings(PTRACK_APP_URL=None)
def test_missing_app_url_is_improperly_configured():
    with pytest.raises(ImproperlyConfigured, match="PTRACK_APP_URL is not set"):
        render("{% ptrack %}")


class Upper:
    @staticmethod
    def encrypt(*args: str) -> str:
        return "".join(args).upper()

    @staticmethod
    def decrypt(token: str) -> object:
        raise NotImplementedError


def test_encoder_assigned_after_import_takes_effect():
    ptrack.ptrack_encoder = Upper
    assert render("{% ptrack_url 'a' %}") == "https://www.example.com/ptrack/A/"


def test_jinja2_renders_them_unescaped_as_globals():
    template = engines["jinja2"].from_string("{{ pixel_tag('arg', key=1) }}")
    assert read_url(f'<img src="{URL}" width=1 height=1>', template.render({})) == (
        ["arg"],
        {"key": 1},
    )
    template = engines["jinja2"].from_string("{{ pixel_url() }}")
    assert read_url(URL, template.render({})) == ([], {})


@override_settings(PTRACK_IMG_ATTRIBUTES='width="1" height="1" alt=""')
def test_pixel_has_the_attributes_of_the_setting():
    tag = f'<img src="{URL}" width="1" height="1" alt="">'
    assert read_url(tag, render("{% ptrack 'arg' %}")) == (["arg"], {})
    template = engines["jinja2"].from_string("{{ pixel_tag('arg') }}")
    assert read_url(tag, template.render({})) == (["arg"], {})


def test_link_is_rendered_with_its_target_and_arguments(clicks):
    url = render("{% ptrack_link 'https://h.example/?a=1' 'arg' key='v' %}")
    response = Client().get(url.removeprefix("https://www.example.com"))
    assert response["Location"] == "https://h.example/?a=1"
    assert clicks.hits == [("https://h.example/?a=1", ("arg",), {"key": "v"})]


def test_target_of_a_link_can_come_from_the_context():
    assert "/ptrack/link/" in render("{% ptrack_link url %}", url="https://h/")
    with pytest.raises(ValueError, match="absolute URL"):
        render("{% ptrack_link url %}", url="javascript:alert(1)")
