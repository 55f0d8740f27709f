"""Placeholders in targets, which a mail builder or a provider fills in later.

A link with one in it has to stay as it is until then: sealed, it would lead each
recipient to the literal text.

A form is built in only if no URL has it, or none that a mail links to. The others, such
as ``[NAME]``, ``-name-`` and ``:id``, are parts of ordinary URLs too, so the user's own
rules name them.
"""

import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from ptrack.core.links import find_rule_problem
from ptrack.core.logs import is_way_out, log

Rule = str | re.Pattern[str] | Callable[[str], object]
"""A regular expression, or a function that returns whether a target has a placeholder.
"""

# An editor may encode what another has encoded: "%257B".
_MOST_DECODINGS = 2
# A placeholder that begins in a target may have spaces in it, up to this length.
_LONGEST = 200

_HEX = "[0-9A-Fa-f]"
_CONTINUED = "%[89ABab][0-9A-Fa-f]"
# A character beyond ASCII (RFC 3629): in "%C3%A9t%", "%A9t%" isn't a placeholder. Or
# any character, by JavaScript's escape(): in "%u4E2D%u6587", "%u4E2D%" isn't one.
_ENCODED_CHARACTER = re.compile(
    f"%u{_HEX}{{4}}|%[CDcd]{_HEX}{_CONTINUED}|%[Ee]{_HEX}(?:{_CONTINUED}){{2}}"
    f"|%[Ff][0-7](?:{_CONTINUED}){{3}}"
)
# It has a letter at its start, and an end that isn't punctuation: "recipient.id".
_NAME = r"[^\W\d](?:[\w.:\-]*\w)?"
_GUID = f"{_HEX}{{8}}-{_HEX}{{4}}-"

# Where each comes from:
# Mailchimp, Mandrill: https://mailchimp.com/help/all-the-merge-tags-cheat-sheet/
# Mailjet: https://dev.mailjet.com/template-language/
# Constant Contact, Omnisend, GetResponse and MODX have "[[" too.
# Template Toolkit, Inxmail: http://www.template-toolkit.org/docs/manual/Syntax.html
# TYPO3: https://github.com/Ecodev/newsletter/issues/59
# Salesforce, Acoustic, Bronto:
# https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/personalizationStringsAMPscript.html
# Mailman, Python: https://docs.mailman3.org/projects/mailman/en/latest/src/mailman/rest/docs/templates.html
# Zoho Campaigns: https://help.zoho.com/portal/en/kb/campaigns/user-guide
# Sendy, Campaign Monitor: https://help.campaignmonitor.com/personalization-tags
# Velocity (Marketo, Emarsys): https://velocity.apache.org/engine/2.3/user-guide.html
# Eloqua, Keap, Bitrix; listmonk: https://listmonk.app/docs/templating/
# Mailgun: https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/batch-sending
_EVERYWHERE = (
    r"\{\{|\{%",  # Jinja, Django, Liquid, Handlebars, and most providers
    # It may have a fallback: "*|NAME|friend|*".
    r"\*\|[^|*][^*]*\|\*",
    # A coordinate is no name: "[[1.5,2],[3,4]]".
    r"\[\[\s*(?:[+*$~%!#:]*[^\W\d]|~\d)",
    rf"\[%(?!{_HEX}{{2}})",
    r"##[\w.:\-]+##",
    rf"%%[=!\[($]?\s*[^\W\d][^%]{{0,{_LONGEST}}}%%",
    r"%\([\w.]+\)[a-z]",
    r"(?<=[=/])%(?:\d\$)?[sd](?!\w)",
    r"\$\[[^\[\]]+\]\$",
    r"\[[\w ]+,\s*fallback=",
    r"%recipient\.",  # Mailgun's names may have any character.
    # No escape begins it, and it isn't a share: "50%off%20today".
    rf"(?<!\d)%(?!{_HEX}{{2}}){_NAME}%",
    # Or an escape may begin it, and none is at its end: "%DATE%".
    rf"%(?:[A-F]{{2}}|(?!{_HEX}{{2}}%){_NAME})%(?!{_HEX}{{2}})",
    r"\$![^\W\d]\w*\.\w",
    r"~~eloqua\.",
    r"(?<=[=/])(?:#[^\W\d]\w*#|~[^\W\d]\w*(?:\.\w+)+~)(?!\w)",
    r"@TrackLink\b",
)


def _compile(*forms: str) -> re.Pattern[str]:
    # No other character begins one, and so most are passed over in one step.
    return re.compile(rf"(?=[{{<*\[#%$~@])(?:{'|'.join((*forms, *_EVERYWHERE))})")


# RFC 3986, section 2: no URL has one of these but encoded. Yet SharePoint's links have
# a GUID in braces.
_BRACE = rf"\{{(?!{_GUID})"
_WRITTEN = _compile(_BRACE, r"<(?:[<%?!#@$]|[^\W\d][^<>]*>)")
# Encoded, they may be data: "%7B%22a%22%3A1%7D" is JSON, and "%3Cb%3E" is HTML. So
# braces are a placeholder's only around a text that has a letter at its start, whatever
# marks are before it, and has no braces inside. Quotation marks are in placeholders of
# "${" and "{$", and in data: "up{job="x"}" is a query of Prometheus.
_DECODED = _compile(
    rf"""{_BRACE}[^\w{{}}"'\\]*[^\W\d][^{{}}"'\\]{{0,{_LONGEST}}}\}}""",
    rf"""(?:[$#]\{{|\{{[$#!])\s*[^\W\d][^{{}}]{{0,{_LONGEST}}}\}}""",
    r"<<[^<>]+>>|<%[^<>]*%>|<\?[^<>]*\?>",
)
# In plain text a "<" ends a URL, but a name in brackets behind "=" is a value.
_BEHIND = _compile(_BRACE, r"<[<%?]", r"(?<==)<[^\s<>:/]+>")
# Behind a URL in plain text: the characters, and whole brackets, that may be the URL's.
# A bracket around a placeholder with spaces has its end behind them.
_RUN = re.compile(
    r"""(?:[^\s<>"'`()\[\]{}|\x80-\U0010ffff]"""
    r"""|\([^\s()]*\)|\[[^\s\[\]]*\]|\{[^\s{}]*\}){0,2000}[(\[]?"""
)
_WORD = re.compile(r"""[^\s<>"]{0,2000}""")


class PlaceholderFinder:
    """Finds the targets that have a placeholder.

    Args:
        rules: The user's own; ``None`` and ``""`` are none.
        keys: Names of placeholders that are known for a mail, as `find_merge_keys`
            returns them.

    Raises:
        TypeError, ValueError: Something is no rule.
    """

    def __init__(
        self, *rules: Rule | None, keys: Collection[str] = frozenset()
    ) -> None:
        self._patterns: list[re.Pattern[str]] = []
        self._functions: list[Callable[[str], object]] = []
        self._has_failed = False
        for rule in rules:
            self._add(rule)
        if keys:
            self._patterns.append(_make_key_pattern(frozenset(keys)))

    def _add(self, rule: Rule | None) -> None:
        if rule is None or rule == "":
            return
        problem = find_rule_problem(rule)
        if problem is not None:
            kind = ValueError if isinstance(rule, str | re.Pattern) else TypeError
            raise kind(f"placeholders {problem}")
        if isinstance(rule, str | re.Pattern):
            self._patterns.append(re.compile(rule))
        else:
            self._functions.append(rule)

    def is_in(self, target: str) -> bool:
        """Return whether a target has a placeholder.

        It is judged as it is written, and percent-decoded once and twice.
        """
        forms = list(_decode(target))
        return (
            _WRITTEN.search(_hide_characters(target)) is not None
            or any(_DECODED.search(_hide_characters(form)) for form in forms[1:])
            or any(map(self._is_known_in, forms))
        )

    def is_at(self, text: str, start: int, end: int) -> bool:
        """Return whether a URL in a plain text has a placeholder, or ends before one.

        A URL may be found to end before a placeholder that belongs to it: each
        character up to the next white space or delimiter may be the URL's.

        Args:
            text: The text.
            start: The start of the URL.
            end: The end of the URL.
        """
        reach = _RUN.match(text, end).end()  # type: ignore[union-attr]
        word = text[start : _WORD.match(text, reach).end()]  # type: ignore[union-attr]
        known = (pattern.search(word) for pattern in self._patterns)
        return (
            any(self.is_in(text[start:stop]) for stop in {end, reach})
            or _begins(_BEHIND.search(text[start : reach + _LONGEST]), reach - start)
            or any(_begins(found, reach - start) for found in known)
        )

    def _is_known_in(self, form: str) -> bool:
        return any(pattern.search(form) for pattern in self._patterns) or any(
            self._ask(function, form) for function in self._functions
        )

    def _ask(self, function: Callable[[str], object], form: str) -> bool:
        try:
            return bool(function(form))
        except BaseException as error:
            if is_way_out(error):
                raise
            self._report(function, error)
            return True

    def _report(self, function: object, error: BaseException) -> None:
        """Log the first failure in a mail."""
        if self._has_failed:
            return
        self._has_failed = True
        # Its type alone: the message may show the target.
        log(
            logging.ERROR,
            "The function %s for placeholders failed: %s. The links that it failed at "
            "go out untracked",
            getattr(function, "__qualname__", type(function).__qualname__),
            type(error).__name__,
        )


def find_merge_keys(message: Any) -> frozenset[str]:
    """Return the names of the placeholders that django-anymail fills in for a message.

    These are the keys in its ``merge_data`` and ``merge_global_data``, and with
    SendGrid's ``merge_field_format`` in ``esp_extra`` what that makes of them:
    https://anymail.dev/en/stable/sending/templates/

    Args:
        message: Any object.
    """
    data = _read_mapping(message, "merge_data")
    several = [*data.values(), _read_mapping(message, "merge_global_data")]
    keys = {str(key) for each in several if isinstance(each, Mapping) for key in each}
    form = _read_mapping(message, "esp_extra").get("merge_field_format")
    if isinstance(form, str):
        keys |= {_format(form, key) for key in keys}
    return frozenset(filter(None, keys))


def _read_mapping(message: Any, name: str) -> Mapping[Any, Any]:
    # Anymail has an object of its own where nothing is set.
    found = getattr(message, name, None)
    return found if isinstance(found, Mapping) else {}


def _format(form: str, key: str) -> str:
    try:
        return form.format(key)
    except (LookupError, ValueError, AttributeError):
        return key


def _decode(target: str) -> Iterator[str]:
    """Yield a target as it is written, and then each decoded form that differs."""
    yield target
    for _ in range(_MOST_DECODINGS):
        before, target = target, unquote(target)
        if target == before:
            return
        yield target


def _hide_characters(form: str) -> str:
    return _ENCODED_CHARACTER.sub("é", form)


def _begins(found: re.Match[str] | None, reach: int) -> bool:
    return found is not None and found.start() <= reach


@lru_cache(maxsize=16)
def _make_key_pattern(keys: frozenset[str]) -> re.Pattern[str]:
    """Return the pattern of the known keys, each in some marks.

    The text of a bare key is that of many a URL: "?id=7". So a key counts if it is all
    of a value or of a part of the path, because SendGrid's substitutions need no marks:
    "?u=id", "/id/". It also counts in marks that stand apart: "-id-", but not that of
    "/your-id-card"; "[id]", but not that of "?filter[id]=7"; ":id". A key that has
    marks of its own counts as it is.
    """
    bare = [key for key in keys if re.fullmatch(r"\w(?:.*\w)?", key, re.DOTALL)]
    parts = [_make_marked_pattern(key) for key in sorted(keys.difference(bare))]
    if bare:
        key = f"(?:{'|'.join(sorted(map(_escape, bare)))})"
        parts += (
            rf"(?<![^\W_])(?P<mark>[-_~$@#!|^*+:'\"`]{{1,3}}){key}(?P=mark)(?![^\W_])",
            rf"(?<![\w\]])\[\s*{key}\s*(?:[,|:][^\[\]]*)?\](?![=\[])",
            rf"(?<![\w:$])[:$]{key}(?![\w=])",
            rf"(?<=[=/])\({key}\)",
            rf"(?<=[=/]){key}(?=[&;/?#]|\Z)",
            rf"%(?:recipient\.)?{key}%(?!{_HEX}{{2}})",
            rf"<\s*{key}\s*>",
        )
    return re.compile("|".join(parts))


def _escape(key: str) -> str:
    # In a query, a space may be a plus sign.
    return re.escape(key).replace(r"\ ", "[ +]")


def _make_marked_pattern(key: str) -> str:
    before = r"(?<!\w)" if key[0].isalnum() else ""
    behind = r"(?!\w)" if key[-1].isalnum() else ""
    return f"{before}{_escape(key)}{behind}"
