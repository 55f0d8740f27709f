"""ptrack.email.messages: Django's and the standard library's messages as texts to replace."""

import subprocess
from email.message import EmailMessage as StandardMessage
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from ptrack.email.messages import opened


def texts(message: Any) -> list[tuple[str, str]]:
    return [(part.subtype, part.text) for part in opened(message).parts]


def replaced(message: Any) -> Any:
    mail = opened(message)
    for part in mail.parts:
        part.put(f"new {part.subtype}")
    return mail.message


def multi(**more: Any) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives("Hi", "plain", to=["b@stay.example"], **more)
    message.attach_alternative(mark_safe("<p>html"), "text/html")
    return message


def test_texts_of_django_are_the_body_and_the_alternatives():
    message = multi()
    message.attach_alternative("<p>amp", "text/x-amp-html")
    message.attach_alternative("BEGIN:VCALENDAR", "text/calendar; method=REQUEST")
    message.attach_alternative("{}", "application/json")
    message.attach_alternative("<p>last", "Text/HTML; charset=utf-8")
    message.attach("a.html", "<p>attached", "text/html")
    assert texts(message) == [
        ("plain", "plain"),
        ("html", "<p>html"),
        ("x-amp-html", "<p>amp"),
        ("calendar", "BEGIN:VCALENDAR"),
        ("html", "<p>last"),
    ]


def test_body_of_django_may_be_html_and_alternatives_be_bytes():
    message = multi()
    message.content_subtype = "html"
    message.attach_alternative(b"bytes", "text/html")
    assert texts(message) == [("html", "plain"), ("html", "<p>html")]
    plain = EmailMessage("Hi", "<p>")
    plain.content_subtype = "html"
    assert texts(plain) == [("html", "<p>")]


def test_texts_of_django_may_be_translated_when_they_are_needed():
    message = EmailMultiAlternatives("Hi", gettext_lazy("plain"))
    message.attach_alternative(gettext_lazy("<p>html"), "text/html")
    assert texts(message) == [("plain", "plain"), ("html", "<p>html")]


@pytest.mark.parametrize("nothing", [None, ""])
def test_django_message_without_a_body_is_one_too(nothing):
    message = EmailMultiAlternatives("Hi", nothing)
    assert texts(replaced(message)) == [("plain", "new plain")]
    message.body = None
    assert texts(message) == []


def test_copy_of_djangos_is_of_its_class_and_shares_nothing_that_changes():
    class Own(EmailMultiAlternatives):
        pass

    message = Own("Hi", "plain", to=["b@stay.example"], headers={"X-A": "1"})
    message.attach_alternative("html", "text/html")
    message.attach_alternative("{}", "application/json")
    message.metadata = {"a": 1}
    message.account = object()
    twin = replaced(message)
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


def test_texts_of_the_standard_librarys_are_those_that_are_shown():
    message = StandardMessage()
    message.set_content("plain")
    message.add_alternative("<p>html", subtype="html")
    message.add_attachment("<p>attached", subtype="html", filename="a.html")
    assert texts(message) == [("plain", "plain\n"), ("html", "<p>html\n")]
    assert texts(replaced(message)) == [("plain", "new plain"), ("html", "new html")]
    assert texts(message) == [("plain", "plain\n"), ("html", "<p>html\n")]


def test_text_that_could_not_be_put_back_is_left_out():
    message = StandardMessage()
    message.set_content("<p>+AGE-", charset="us-ascii")
    message.set_param("charset", "utf-7")
    assert texts(message) == []


@pytest.mark.parametrize(
    "header",
    [
        "<https://stay.example/u?a=1&b=2>, <mailto:u@stay.example>",
        "<mailto:u@stay.example> , <https://stay.example/u?a=1&b=2>",
        "(comment) <https://stay.example/u\r\n ?a=1&b=2>,\r\n <mailto:u@stay.example>",
    ],
)
def test_targets_of_list_unsubscribe_are_those_in_brackets(header: str):
    expected = {"https://stay.example/u?a=1&b=2", "mailto:u@stay.example"}
    assert opened(multi(headers={"list-unsubscribe": header})).unsubscribe == expected
    message = StandardMessage()
    message["List-Unsubscribe"] = " ".join(header.split("\r\n"))
    assert opened(message).unsubscribe == expected
    assert opened(StandardMessage()).unsubscribe == frozenset()
    assert opened(multi(headers={"X-Other": "<a>"})).unsubscribe == frozenset()


@pytest.mark.parametrize("other", ["<p>", None, {"html": ""}, subprocess])
def test_what_is_no_message_is_refused_with_what_would_be_one(other: Any):
    with pytest.raises(TypeError, match=rf"not {type(other).__name__}; .*track_html"):
        opened(other)
