"""ptrack.email.messages: the texts of Django's and the standard library's messages."""

import subprocess
from email.message import EmailMessage as StandardMessage
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from ptrack.email.messages import open_message


def read_texts(message: Any) -> list[tuple[str, str]]:
    return [(part.subtype, part.text) for part in open_message(message).parts]


def replace_texts(message: Any) -> Any:
    mail = open_message(message)
    for part in mail.parts:
        part.replace(f"new {part.subtype}")
    return mail.message


def make_multi(**more: Any) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives("Hi", "plain", to=["b@stay.example"], **more)
    message.attach_alternative(mark_safe("<p>html"), "text/html")
    return message


def test_texts_of_django_are_the_body_and_the_alternatives():
    message = make_multi()
    message.attach_alternative("<p>amp", "text/x-amp-html")
    message.attach_alternative("BEGIN:VCALENDAR", "text/calendar; method=REQUEST")
    message.attach_alternative("{}", "application/json")
    message.attach_alternative("<p>last", "Text/HTML; charset=utf-8")
    message.attach("a.html", "<p>attached", "text/html")
    assert read_texts(message) == [
        ("plain", "plain"),
        ("html", "<p>html"),
        ("x-amp-html", "<p>amp"),
        ("calendar", "BEGIN:VCALENDAR"),
        ("html", "<p>last"),
    ]


def test_body_of_django_may_be_html_and_alternatives_be_bytes():
    message = make_multi()
    message.content_subtype = "html"
    message.attach_alternative("\xe4".encode(), "text/html")
    message.attach_alternative(b"\xe4", "text/html")
    assert read_texts(message) == [
        ("html", "plain"),
        ("html", "<p>html"),
        ("html", "\xe4"),
    ]
    plain = EmailMessage("Hi", "<p>")
    plain.content_subtype = "html"
    assert read_texts(plain) == [("html", "<p>")]


def test_texts_of_django_may_be_lazy_translations():
    message = EmailMultiAlternatives("Hi", gettext_lazy("plain"))
    message.attach_alternative(gettext_lazy("<p>html"), "text/html")
    assert read_texts(message) == [("plain", "plain"), ("html", "<p>html")]


@pytest.mark.parametrize("nothing", [None, ""])
def test_django_message_without_a_body_is_one_too(nothing):
    message = EmailMultiAlternatives("Hi", nothing)
    assert read_texts(replace_texts(message)) == [("plain", "new plain")]
    message.body = None
    assert read_texts(message) == []


def test_copy_of_a_django_message_is_of_its_class_and_shares_nothing_mutable():
    class Own(EmailMultiAlternatives):
        pass

    message = Own("Hi", "plain", to=["b@stay.example"], headers={"X-A": "1"})
    message.attach_alternative("html", "text/html")
    message.attach_alternative("{}", "application/json")
    message.metadata = {"a": 1}
    message.account = object()
    twin = replace_texts(message)
    assert type(twin) is Own
    assert twin.account is message.account
    twin.to.append("c@stay.example")
    twin.extra_headers["X-B"] = "2"
    twin.metadata.clear()
    twin.attach("a", "b")
    assert message.to == ["b@stay.example"]
    assert message.extra_headers == {"X-A": "1"}
    assert message.metadata == {"a": 1}
    assert message.attachments == []
    assert message.body == "plain"
    assert [tuple(each) for each in message.alternatives] == [
        ("html", "text/html"),
        ("{}", "application/json"),
    ]
    assert [tuple(each) for each in twin.alternatives] == [
        ("new html", "text/html"),
        ("{}", "application/json"),
    ]
    assert list(map(type, twin.alternatives)) == list(map(type, message.alternatives))
    assert (
        twin.message().get_payload()[0].get_payload()[1].get_payload().strip()
        == "new html"
    )


def test_texts_of_a_standard_message_are_the_ones_that_are_shown():
    message = StandardMessage()
    message.set_content("plain")
    message.add_alternative("<p>html", subtype="html")
    message.add_attachment("<p>attached", subtype="html", filename="a.html")
    assert read_texts(message) == [("plain", "plain\n"), ("html", "<p>html\n")]
    assert read_texts(replace_texts(message)) == [
        ("plain", "new plain"),
        ("html", "new html"),
    ]
    assert read_texts(message) == [("plain", "plain\n"), ("html", "<p>html\n")]


def test_text_that_could_not_be_written_back_is_left_out():
    message = StandardMessage()
    message.set_content("<p>+AGE-", charset="us-ascii")
    message.set_param("charset", "utf-7")
    assert read_texts(message) == []


@pytest.mark.parametrize(
    "header",
    [
        "<https://stay.example/u?a=1&b=2>, <mailto:u@stay.example>",
        "<mailto:u@stay.example> , <https://stay.example/u?a=1&b=2>",
        "(comment) <https://stay.example/u\r\n ?a=1&b=2>,\r\n <mailto:u@stay.example>",
    ],
)
def test_targets_of_list_unsubscribe_are_the_ones_in_brackets(header: str):
    expected = {"https://stay.example/u?a=1&b=2", "mailto:u@stay.example"}
    assert (
        open_message(make_multi(headers={"list-unsubscribe": header})).unsubscribe
        == expected
    )
    message = StandardMessage()
    message["List-Unsubscribe"] = " ".join(header.split("\r\n"))
    assert open_message(message).unsubscribe == expected
    assert open_message(StandardMessage()).unsubscribe == frozenset()
    assert (
        open_message(make_multi(headers={"X-Other": "<a>"})).unsubscribe == frozenset()
    )


@pytest.mark.parametrize("other", ["<p>", None, {"html": ""}, subprocess])
def test_object_that_is_no_message_is_refused_with_a_hint(other: Any):
    with pytest.raises(TypeError, match=rf"not {type(other).__name__}; .*track_html"):
        open_message(other)
