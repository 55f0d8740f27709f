"""Links with a placeholder that somebody fills in later stay as they are."""

import logging
import re
from collections.abc import Iterator
from html import escape
from typing import Any

import pytest
from anymail.message import AnymailMessage
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.test import override_settings

from ptrack.email import TrackedTemplate, track, track_html
from ptrack.email.placeholders import PlaceholderFinder
from tests.email import hostile
from tests.email.mailing import LINK

pytestmark = pytest.mark.once

SHOP = "https://shop.example/"

# Whose it is, and the ends of targets.
FORMS = {
    "mailgun": (
        *("?u=%recipient.id%", "%recipient_email%", "%unsubscribe_url%"),
        *("%recipient.v:key%", "%recipient.first-name%", "%recipient.id%abc"),
        *("%25recipient.id%25", "%C3%A9%name%", "?a=%C3%A9&b=%id%&c=%20"),
        *("%recipient.first name%", "?u=%recipient.$id%", "%recipient.name-%"),
        "%25recipient.first%20name%25",
    ),
    "two hexadecimal digits in front": (
        *("?c=%CAMPAIGN%", "?d=%DATE%", "?f=%FACT%", "%FACT%/x", "%ADDRESS%?x=%20"),
        *("%BACKLINK%", "%DEAL_ID%", "%FEED%", "%DEBUG_ID%", "%FIRST%%LAST%"),
        *("%pr\u00e9nom%", "?a=%AD%", "%ED%/x", "?c=%CAFE%&d=%BEEF%"),
    ),
    "two braces": (
        *("{{ id }}", "{{id}}"),
        *("{{{id}}}", "{{#id}}", "{{lead.Email Address:default=x}}"),
        *("%7B%7Bid%7D%7D", "%7b%7b%7bURL%7d%7d%7d", "%257B%257Bid%257D%257D"),
        *("%7B%7B%20link%7Ce%20%7D%7D", "{% if x %}", "%7B%25%20if%20x%20%25%7D"),
        *("{{", "user-{{id}}.html"),
    ),
    "a brace": (
        *("{id}", "{$id}", "#{id}"),
        *("{contactfield=email}", "{!Contact.Id}", "{0}", "{"),
        *("%7Bid%7D", "%7B$id%7D", "%7B%24id%7D"),
        *("%23%7Bid%7D", "%7B_id%7D", "%7B+id+%7D"),
        *("%7Bcontactfield=email%7D", "%7B!Contact.Id%7D", "%7Bsubtag:name%7D"),
        *("${id}", "%24%7Bid%7D", "@{id}", "%257Bid%257D"),
        *("%7B:id%7D", "%7B%3Fid%7D", "%7B-id-%7D", "%7B[id]%7D"),
        *("%7B$name%7Cdefault:%22x%22%7D", "$%7Buser%5B'name'%5D%7D"),
        *("%23%7Bh%5B%22id%22%5D%7D", "%7B!IF(a,%22b%22)%7D"),
    ),
    "mailchimp": (
        *("?e=*|EMAIL|*", "*|UNSUB|*", "*|LIST:NAME|*", "?e=*%7CEMAIL%7C*"),
        *("?e=%2A%7CEMAIL%7C%2A", "*|NAME|friend|*", "*%7CNAME%7Cmy%20friend%7C*"),
    ),
    "brackets": (
        *("[[~1]]", "?a=[[~12? &x=`1`]]"),
        *("[[id]]", "[[ id ]]", "[[data:id]]", '[[var:id:"x"]]', "[[*id]]"),
        *("%5B%5Bid%5D%5D", "[% id %]", "[%id%]", "%5B%25%20id%20%25%5D"),
        *("$[FNAME]$", "[name,fallback=you]", "[First Name, fallback=]"),
    ),
    "angle brackets": (
        *("<<id>>", "<%= id %>", "<%id%>", "<?= $id ?>", "<?php echo $id; ?>"),
        *("%3C%3Cid%3E%3E", "%3C%25=%20id%20%25%3E", "%3C?=$id?%3E"),
        *("<id>", "<#if x>", "<span class=eloquaemail>Email</span>"),
    ),
    "number signs": ("?e=###EMAIL###", "##name##", "%23%23%23EMAIL%23%23%23"),
    "salesforce": (
        *("%%emailaddr%%", "%%First Name%%", "%%=v(@id)=%%", "%%[SET @x = 1]%%"),
        *("?n=%%$first%%", "%%!message_id%%", "?x=%%ID%%", "%25%25ID%25%25"),
    ),
    "velocity": ("?e=$!lead.Email", "?e=%24!lead.Email", "?e=$!{email}"),
    "keap, eloqua": (
        *("?id=~Contact.Id~", "%7EContact.Email%7E"),
        "?e=~~eloqua..type--emailfield..syntax--EmailAddress~~",
    ),
    "bitrix": ("?id=#ID#", "catalog/#SECTION_CODE#/", "?id=%23USER_ID%23"),
    "listmonk": ("@TrackLink", "?a=b@TrackLink"),
    "python": ("%(user_email)s", "%(id)d", "?id=%s", "%1$s/", "?id=%s%d", "%25(id)s"),
}  # fmt: skip

ORDINARY = (
    *("?q=100%25", "?a=50%&b=60%", "?d=50%off%20today"),
    *("?q=5%25+off+10%25", "%", "%zz"),
    *("%E4%B8%AD", "%E4%B8%AD50%", "?r=%E2%82%AC50%", "%F0%9F%98%80%", "%ef%bc%9a"),
    *("?q=%C3%A9t%", "?q=%E9t%E9", "?q=%u4E2D%u6587", "?q=a%u0041%u0042c", "%D6%D0%"),
    *("~user/a.b", "~a.b", "a~b.c~d/~e", "?q=%23a%20%23b", "#/a#b", "$!"),
    *("100%?x=%C3%A9%aa%", "?f=%25Y-%25m-%25d", "?p=a%2520b"),
    *("?a[]=1&b[]=2", "?filter[a]=1&b[]=2", "%5B%5D"),
    *("?filter%5Ba%5D=1", "[1]", "?x=[1]"),
    *("?filter[%20a]=1", "?filter[%E4]=1", "?q=%sale", "?q=%d1%8f"),
    *("?filter[%E4%BD%A0]=1", "?c=[[1.5,2],[3,4]]", "?c=%5B%5B1,2%5D%5D", "[id]=5"),
    *("*", "a*b", "?x=a*|b", "?q=a*%7Cb", "utm_*", "~user", "$", "$1", "$id$", "@user"),
    *("#/route", "#!", "#!/x", "#a#b", "?q=C%23", "#:~:text=a%20b", "a||b", "?x=a|b"),
    *("Mercury_(planet)", "?x=(a:1,b:!(c))", "-name-", "[NAME]", ":id", "?a=<>"),
    *("?x=%7B%22a%22%3A1%7D", "?x=%7B%22a%22%3A%7B%22b%22%3A1%7D%7D", "?x=%7B%7D"),
    *("?x=%5B%7B%22id%22%3A1%7D%5D", "?q=a%7B2%7D", "%7B0%7D", "?q=%3Cb%3E"),
    *("graph?expr=up%7Bjob%3D%22x%22%7D", "?x=%5B%7B%20%22a%22:%22b%22%7D%5D"),
    *("?q=a*%7Cb%7Cc", "?q=a*||*", "?x=%7B2,3%7D$"),
    *("?v=vector%3Cvector%3Cint%3E%3E", "?q=a&b;c=d", "?q=%2B%2B"),
    "?next=https%3A%2F%2Fa.example%2F%3Fq%3D%25E4%25B8%25AD%25E5",
    "?sourcedoc=%7BF2504E0A-4F89-11D3-9A0C-0305E82C3301%7D",
    "?sourcedoc={F2504E0A-4F89-11D3-9A0C-0305E82C3301}",
)  # fmt: skip

EACH_FORM = [(name, each) for name, several in FORMS.items() for each in several]


def make_link(target: str) -> str:
    return f'<a href="{escape(target)}">x</a>'


def is_tracked(target: str, **options: Any) -> bool:
    text = make_link(target)
    tracked = track_html(text, opens=False, **options)
    assert tracked == text or len(LINK.findall(tracked)) == 1
    return tracked != text


@pytest.mark.parametrize(("name", "end"), EACH_FORM)
def test_target_with_a_placeholder_stays(name: str, end: str):
    assert not is_tracked(f"{SHOP}{end}")


@pytest.mark.parametrize("end", ORDINARY)
def test_target_of_an_ordinary_link_is_tracked(end: str):
    assert is_tracked(f"{SHOP}{end}")


# -- plain text -----------------------------------------------------------------------


def track_text(text: str, **options: Any) -> str:
    tracked = track(EmailMessage("Hi", text), text_links=True, **options)
    return LINK.sub("LINK", str(tracked.body))


@pytest.mark.parametrize("around", ["{}", "See {} now", "({})", "<{}>", '"{}"', "{}."])
@pytest.mark.parametrize(("name", "end"), EACH_FORM)
def test_placeholder_that_belongs_to_a_url_in_plain_text_keeps_it(
    name: str, end: str, around: str
):
    """The URL may be found to end before it."""
    if end in ("<id>", "<#if x>", "<span class=eloquaemail>Email</span>"):
        return  # In plain text, a bracket alone ends a URL.
    text = around.format(f"{SHOP}{end}")
    assert track_text(text) == text


@pytest.mark.parametrize(
    "end", ["<id>", "<FIRST_NAME>&b=1", "<#id#>", "<$id>", "<@id>"]
)
def test_name_in_angle_brackets_that_is_a_value_keeps_a_url_in_plain_text(end: str):
    assert track_text(f"See {SHOP}?a={end} now") == f"See {SHOP}?a={end} now"
    assert track_text(f"See {SHOP}?a=1{end} now") == f"See LINK{end} now"


@pytest.mark.parametrize(
    "end",
    [
        *("report.{{format}}", "?a=1,{{b}}", "?a=1;{{b}}&c"),
        *("?a=(<% b %>)", "?a=[<%= b %>]", "?a=([% b %])", "?a=(%%First Name%%)&c"),
        *("?a=([[ b ]])", "?a=[[% b %]]"),
    ],
)
def test_placeholder_behind_punctuation_of_a_url_keeps_it(end: str):
    assert track_text(f"{SHOP}{end}") == f"{SHOP}{end}"


@pytest.mark.parametrize(
    "text",
    [
        *("URL {{ name }}", "URL\n{{name}}"),
        *("URL\t{{x}}", "URL\u00a0{{x}}", "URL *|A|*"),
        *("URL\u3000{{x}}", "URL\r\n%%name%%"),
        *("> URL\n> {{x}}", "URL %name%", "URL <<x>>"),
        *("(URL){{name}}", "URL) {{name}}"),
        *("<URL>{{name}}", '"URL"{{name}}', "'URL'{{x}}"),
        *("URL, {{name}}", "URL. *|NAME|*", "[text](URL)[[id]]", "[URL] [[id]]"),
        *("{{ name }} URL", "{{name}}: URL", "{URL}"),
        *("URL (<% b %>)", "(URL) (%%a b%%)", "URL([b [% b %]])"),
    ],
)  # fmt: skip
def test_placeholder_elsewhere_in_plain_text_keeps_no_url(text: str):
    assert track_text(text.replace("URL", f"{SHOP}a")) == text.replace("URL", "LINK")


def test_url_before_another_in_brackets_is_tracked():
    """Outlook writes a link so in plain text."""
    assert track_text(f"{SHOP}<{SHOP}a>") == "LINK<LINK>"


# -- the user's own -------------------------------------------------------------------

AMBIGUOUS = ("[NAME]", "-name-", "?u=:id", "user-[NAME].html")
RULES = {
    "text": r"\[[A-Z]+\]|-[a-z]+-|:[a-z]+(?=$)",
    "compiled": re.compile(r"\[name\]|-NAME-|:ID$", re.IGNORECASE),
    "function": lambda url: "[NAME]" in url or "-name-" in url or url.endswith(":id"),
}


def track_template(text: str, **options: Any) -> str:
    return TrackedTemplate(text, opens=False, **options).render()


def track_message(text: str, **options: Any) -> str:
    message = EmailMultiAlternatives("Hi", "x")
    message.attach_alternative(text, "text/html")
    return str(track(message, opens=False, **options).alternatives[0][0])


def track_alone(text: str, **options: Any) -> str:
    return track_html(text, opens=False, **options)


WAYS = (track_alone, track_template, track_message)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("end", AMBIGUOUS)
def test_target_that_the_user_s_rule_finds_stays(way: Any, rule: Any, end: str):
    text = make_link(f"{SHOP}{end}")
    assert LINK.search(way(text))
    assert way(text, placeholders=rule) == text
    with override_settings(PTRACK_PLACEHOLDERS=rule):
        assert way(text) == text


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_rule_judges_the_decoded_target_too(rule: Any):
    assert not is_tracked(f"{SHOP}%5BNAME%5D", placeholders=rule)
    assert not is_tracked(f"{SHOP}%255BNAME%255D", placeholders=rule)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_rules_add_to_those_that_are_built_in_and_to_each_other(rule: Any):
    text = "".join(make_link(f"{SHOP}{end}") for end in ("{{a}}", "[NAME]", "~x~", "b"))
    with override_settings(PTRACK_PLACEHOLDERS="~.~"):
        tracked = track_html(text, opens=False, placeholders=rule)
    assert LINK.sub(f"{SHOP}b", tracked) == text
    assert len(LINK.findall(tracked)) == 1


@pytest.mark.parametrize("rule", [None, ""])
def test_empty_rule_is_none(rule: Any):
    assert is_tracked(f"{SHOP}[NAME]", placeholders=rule)
    with override_settings(PTRACK_PLACEHOLDERS=rule):
        assert is_tracked(f"{SHOP}[NAME]")


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("URL?n=[NAME]", None),
        ("URL-name-", None),
        ("URL?u=:id", None),
        ("URL [NAME]", "LINK [NAME]"),
        ("(URL)[NAME]", "(LINK)[NAME]"),
        ("[text](URL)[NAME]", "[text](LINK)[NAME]"),
    ],
)
def test_rule_holds_in_plain_text(rule: Any, text: str, expected: str | None):
    text = text.replace("URL", SHOP)
    expected = text if expected is None else expected
    assert track_text(text, placeholders=rule) == expected


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("behind", ["[NAME] a", "-name-) a", "x?u=:id", "(a)[NAME]>"])
def test_rule_holds_behind_the_place_where_a_url_was_found_to_end(
    rule: Any, behind: str
):
    finder = PlaceholderFinder(rule)
    assert finder.is_at(f"See {SHOP}{behind}", 4, 4 + len(SHOP))
    assert not finder.is_at(f"See {SHOP}) {behind}", 4, 4 + len(SHOP))


@pytest.mark.parametrize("behind", ["«NAME» a", "?n=|NAME| a", "?n=`NAME`"])
def test_pattern_may_begin_with_a_mark_at_which_a_url_ends(behind: str):
    finder = PlaceholderFinder(r"[«|`][A-Z]+[»|`]")
    assert finder.is_at(f"{SHOP}{behind}", 0, len(SHOP))
    assert not finder.is_at(f"{SHOP}) {behind}", 0, len(SHOP))


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        ("[", ValueError, "placeholders is no regular expression: unterminated"),
        ("(?P<a>", ValueError, "placeholders is no regular expression: missing"),
        ("a{99999999999999999999}", ValueError, "is no regular expression: "),
        ("x*", ValueError, "matches an empty text too, so it would match every"),
        (re.compile("x|"), ValueError, "matches an empty text too"),
        (re.compile(b"x"), ValueError, "must be a regular expression for text, not"),
        (b"x", TypeError, "or a function that takes a target, not bytes"),
        (["x"], TypeError, "or a function that takes a target, not list"),
        (7, TypeError, "or a function that takes a target, not int"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", WAYS)
def test_argument_that_is_no_rule_is_an_error(way: Any, rule: Any, error: Any, message):
    with pytest.raises(error, match=message):
        way("<p>", placeholders=rule)


class Bool:
    def __bool__(self) -> bool:
        raise LookupError("secret")


class Panic(BaseException):
    """As of a library in Rust."""


def fail(url: str) -> bool:
    raise ValueError(f"secret: {url}")


def panic(url: str) -> bool:
    raise Panic(url)


@pytest.mark.parametrize(
    ("function", "name"),
    [(fail, "ValueError"), (panic, "Panic"), (lambda _: Bool(), "LookupError")],
)
def test_function_that_fails_keeps_links_untracked_and_not_the_mail(
    function: Any, name: str, caplog
):
    message = EmailMultiAlternatives("Hi", f"{SHOP}a {SHOP}b")
    message.attach_alternative(
        make_link(f"{SHOP}c") + make_link(f"{SHOP}d"), "text/html"
    )
    tracked = track(message, text_links=True, opens=False, placeholders=function)
    assert tracked.body == message.body
    assert tracked.alternatives == message.alternatives
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert f"for placeholders failed: {name}." in record.getMessage()
    assert "secret" not in caplog.text
    assert SHOP not in caplog.text


def test_function_that_fails_at_one_link_keeps_only_that_one(caplog):
    def fail_at_b(url: str) -> bool:
        return {f"{SHOP}a": False}[url]

    text = make_link(f"{SHOP}a") + make_link(f"{SHOP}b")
    tracked = track_html(text, opens=False, placeholders=fail_at_b)
    assert LINK.sub(f"{SHOP}a", tracked, count=1) == text
    assert "function test_function_that_fails_at_one_link" in caplog.text


def test_function_that_ends_the_process_does():
    def stop(url: str) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        is_tracked(SHOP, placeholders=stop)


def test_function_is_asked_about_targets_alone():
    asked = []
    texts = [
        "mailto:a@b.example",
        "/a",
        "https://www.example.com/ptrack/x/",
        f"{SHOP}é%20",
    ]
    track_html("".join(map(make_link, texts)), placeholders=asked.append)
    assert asked == [f"{SHOP}é%20", f"{SHOP}é "]


def test_object_that_can_be_called_is_named_by_its_class(caplog):
    class Own:
        def __call__(self, url: str) -> bool:
            raise ValueError

    assert not is_tracked(SHOP, placeholders=Own())
    assert "Own for placeholders failed" in caplog.text


# -- the keys of django-anymail -------------------------------------------------------


def make_merging(cls: Any, text: str, **attributes: Any) -> Any:
    message = cls("Hi", "x", to=["ada@b.example", "grace@b.example"])
    message.attach_alternative(text, "text/html")
    for name, value in attributes.items():
        setattr(message, name, value)
    return message


def track_merging(
    targets: list[str], cls: Any = AnymailMessage, **attributes: Any
) -> Iterator[bool]:
    """Yield for each link whether it is tracked in a mail with the attributes."""
    for target in targets:
        text = make_link(f"{SHOP}{target}")
        tracked = track(make_merging(cls, text, **attributes), opens=False)
        yield tracked.alternatives[0][0] != text


DATA = {
    "ada@b.example": {"id": 1, "NAME": "Ada", "first name": "Ada"},
    "grace@b.example": {"e": "x", "id": 2},
}


@pytest.mark.parametrize("cls", [AnymailMessage, EmailMultiAlternatives])
@pytest.mark.parametrize(
    "attributes",
    [{"merge_data": DATA}, {"merge_global_data": DATA["ada@b.example"]}],
    ids=str,
)
def test_links_with_a_key_of_the_merge_data_stay(cls: Any, attributes: Any):
    targets = [
        *("?n=-NAME-", "-NAME-/x", "?n=[NAME]", "user-[NAME].html", "?e=%40id%40"),
        *("?u=:id", ":id/x", "$id$", "?e=@id@", "~id~", "?q=x.#NAME#", "__NAME__"),
        *("?n=--NAME--&a=b", "%3CNAME%3E", "[ id ]", "?n=|id|"),
            *("%5BNAME%5D", "!id!"),
        *("?u=$id", "?u=$id&a=b", "?u='id'", "?u=(id)", "?n=%22NAME%22"),
        *("%first name%", "?n=[first+name]&a=b"),
        *("?n=%5Bfirst%20name%5D", "?n=-first+name-", "?n=first+name"),
        *("?u=id", "?u=id&a=b", "?a=b&amp;u=NAME;c", "id/7", "NAME", "a/NAME?b#c"),
        *("?u=id#c", "?u=::id::"),
        *("?u=%4eAME", "?a/NAME"),
    ]  # fmt: skip
    assert not any(track_merging(targets, cls, **attributes))
    assert all(track_merging(targets, cls))


def test_key_in_an_ordinary_link_does_not_keep_it():
    targets = [
        *("?id=7", "?e=x&id=7", "your-id-card", "a-NAME-b", "?filter[id]=5"),
        *("?filter[NAME][id]=5", "?filter%5Bid%5D=5", "?x=a:id", "?x=id.html", "ids"),
        *("NAME_(e)", "?t=12:idle", "#id"),
        *("user_id_x", "[id]=3", "id-e-id", "?id[e]=1"),
        *("?$id=eq", "?$e=1&:id=2", "?x=f(id)", "?q=my+id+card", "~e", "@id", "$ids"),
        "?x=my-id",
        *("-id-card", "your-id-?x", "?has[id]&x=1", "?a[e][id]"),
        *("a@id.example", "~ideal", "$idea", "id=", "?x=idea&id"),
    ]  # fmt: skip
    assert all(track_merging(targets, merge_data=DATA, merge_global_data={"e": 1}))


def test_key_with_marks_of_its_own_counts_as_it_is():
    """With SendGrid's substitutions, it is replaced wherever it is."""
    data = {"a@b.example": {"-id-": 1, ":user": 2, "~~": 3, "no;": 4}}
    targets = ["your-id-card", ":user/x", "a~~b", "?no;x"]
    assert not any(track_merging(targets, merge_data=data))
    assert all(track_merging(["id", ":users", "user", "?piano;x"], merge_data=data))


def test_key_in_the_format_for_sendgrid_counts():
    def track_with(form: Any) -> list[bool]:
        extra = {"merge_field_format": form}
        targets = ["a+id+b", "your-id-card"]
        return list(track_merging(targets, merge_data=DATA, esp_extra=extra))

    assert track_with("+{}+") == [False, True]
    assert track_with("-{}-") == [True, False]
    assert track_with(None) == track_with("{") == track_with("{x}") == [True, True]


@pytest.mark.parametrize("data", [None, {}, [], {"a": None}, {"a": {"": 1}}, "x", 7])
def test_merge_data_without_a_key_keeps_no_link(data: Any):
    assert all(track_merging(["-id-", "b"], merge_data=data, merge_global_data=data))


def test_keys_are_texts_of_any_kind():
    data = {"a@b.example": {7: "x", "(": "y", "a]": "z", "\u00e9": 1}}
    assert not any(
        track_merging([":7", "a(b", "a]", "-é-", "-%C3%A9-"], merge_data=data)
    )
    assert all(track_merging(["70", ":70", "a)", "éa"], merge_data=data))


def test_key_counts_in_plain_text_too():
    message = EmailMessage(
        "Hi", f"{SHOP}?n=[NAME] {SHOP}-NAME- {SHOP} [NAME] ({SHOP})-id-"
    )
    message.merge_data = DATA  # type: ignore[attr-defined]
    tracked = track(message, text_links=True).body
    assert LINK.sub("LINK", tracked) == (
        f"{SHOP}?n=[NAME] {SHOP}-NAME- LINK [NAME] (LINK)-id-"
    )


def test_merge_data_reaches_anymail_as_it_was():
    message = make_merging(AnymailMessage, "<p>", merge_data=DATA)
    assert track(message).merge_data == DATA


# -- time -----------------------------------------------------------------------------

PIECES = (
    *("{", "{ ", "{a", "{+", "{{ ", "[[", "[[ "),
    *("[[+", "[%", "[a ", "[a,", "[id", "<", "<a "),
    *("<%", "<?", "<<a", "%", "%a", "%a."),
    *("%aa%", "%%", "%%a", "%(", "%7B", "%25", "%2525"),
    *("(", "()", "[]", "(a", "%E4", "%C3", "%recipient.id", "*|", "*|a", "#"),
    *("##", "$[", "-a-", "::id", ":id", "~"),
)  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("piece", PIECES)
def test_target_of_one_piece_is_judged_soon(piece: str):
    finder = PlaceholderFinder(keys={"id", "a", "-x-"})
    target = f"{SHOP}{hostile.repeat(piece, hostile.SIZE)}"
    with hostile.limit_time():
        finder.is_in(target)
        finder.is_at(f"{target} x", 0, len(SHOP))
