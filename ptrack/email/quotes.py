"""Where the HTML of a mail quotes an older mail, in a reply or a forward.

There is no standard for it, so this knows what mail clients write. The names were
learned from programs that cut quotations off:

- https://github.com/mailgun/talon (``html_quotations.py``),
- https://github.com/closeio/quotequail (``_patterns.py``),
- https://github.com/ProtonMail/WebClients (``BLOCKQUOTE_SELECTORS``).

A client that quotes a quotation puts something of its own before the names, such as
``x_`` or ``m_-123``. So a name may stand anywhere in an attribute.
"""

import re
from collections.abc import Mapping

# The quotation is the element: Gmail, Yahoo, Proton, Tuta, Skiff, Zoho, Infomaniak,
# Thunderbird, Mail.ru, Outlook for Mac, NetEase, Spark. A <blockquote> always is one.
_ELEMENT = re.compile(
    "gmail_quote|gmail_extra|yahoo_quoted|protonmail_quote|tutanota_quote|skiff_quote"
    "|zmail_extra|ik_mail_quote|forwardcontentmessage|moz-forward-container"
    "|js-readmsg-msg|olk_src_body_section|isforwardcontent|isreplycontent|messagereplysection",
    re.I,
)
# The quotation is all that follows: Outlook, Hotmail, QQ and Zimbra.
_START = re.compile(
    "appendonsend|divrplyfwdmsg|mail-editor-reference-message-container"
    "|ms-outlook-mobile-reference-message|outlookmessageheader|_mailoriginal"
    "|replyseparator|skydriveplaceholder|stopspelling|replysplit|zwchr|__divider__",
    re.I,
)
# The line above "From:" in Outlook, in its two colours, as itself and as other clients
# write it; in other colours, with the space below it; and that of Windows Mail.
_COLOUR = r"(?:#e1e1e1|#b5c4df|rgb\(225,225,225\)|rgb\(181,196,223\))"
_LINE = re.compile(
    rf"border-top:(?:solid{_COLOUR}|1(?:\.0)?ptsolid{_COLOUR}|solid#[0-9a-f]{{6}}1\.0pt)"
    r"|border-top-color:rgb\(229,229,229\);border-top-width:1px"
)
_ANY_LINE = re.compile(r"border-top:[^;]{0,40}solid|border-style:solidnonenone")
_ABOVE_FROM = re.compile(r"padding:3(?:\.0)?pt0")
_SPACE = re.compile(r"\s+")
# The first two labels of Outlook's header, in its languages: nothing but bold type may
# mark it. A letter beyond ASCII may be a reference.
_FROM = (
    "From|Von|De|Da|Van|Fra|Fr[^\\s<:]{1,9}n|Od|L[^\\s<:]{1,30}j[^\\s<:]{1,9}"
    "|Felad[^\\s<:]{1,9}|Kimden|От|Від|差出人|发件人|寄件者|보낸 사람"
)
_SENT = (
    "Sent|Gesendet|Envoy[^\\s<:]{1,9}|Enviad[oa](?: el| em)?|Inviato|Verzonden|Skickat"
    "|Sendt|L[^\\s<:]{1,9}hetetty|Wys[^\\s<:]{1,9}|Odesl[^\\s<:]{1,9}|Elk[^\\s<:]{1,9}"
    "|G[^\\s<:]{1,9}nderildi|Отправлено|Надіслано|送信日時|发送时间|寄件日期|보낸 날짜"
)
_LABEL = re.compile(
    rf"<(?:b|strong)(?:\s[^<>]{{0,300}})?>(?:\s|<span[^<>]{{0,300}}>){{0,9}}"
    rf"(?:(?P<sender>{_FROM})|(?:{_SENT}))(?:\s|&nbsp;)?(?::|：|<)",
    re.I,
)
_LONGEST_SENDER = 2000
# Never <body>: then all of the mail would be a quotation.
_CONTAINERS = frozenset(("div", "span", "section", "table", "td"))
TAGS = _CONTAINERS | {"blockquote", "hr", "a", "b", "strong"}
"""The elements that matter."""
ATTRIBUTES = frozenset(("class", "id", "name", "data-marker", "style", "tabindex"))
"""The attributes that matter."""


def find_headers(text: str) -> frozenset[int]:
    """Return the starts of the headers of older mails, which Outlook writes in bold.

    Such a header is a label for the sender, and another for the time of sending soon
    after it.

    Args:
        text: The HTML of a mail. Its comments are searched too.
    """
    starts: set[int] = set()
    sender = None
    for label in _LABEL.finditer(text):
        if label["sender"]:
            sender = label
        elif sender and label.start() - sender.end() < _LONGEST_SENDER:
            starts.add(sender.start())
    return frozenset(starts)


class Quotations:
    """Follows the elements of a text into quotations and out of them.

    Args:
        start: As the attribute.
        headers: The starts of elements behind which all is a quotation, as
            `find_headers` returns them.

    Attributes:
        start: The start of the quotation around the present place; ``None`` outside.
    """

    def __init__(
        self, start: int | None = None, headers: frozenset[int] = frozenset()
    ) -> None:
        self.start = start
        self._headers = headers
        # The name of the quoting element, and the number of them that are open. Empty
        # if the quotation is all that follows.
        self._tag = ""
        self._depth = 0

    def open_element(self, tag: str, attrs: Mapping[str, str], start: int) -> None:
        """Read a start tag.

        Args:
            tag: Its name, in lower case.
            attrs: Its attributes; all but `ATTRIBUTES` may be left out.
            start: Its start.
        """
        if self.start is not None:
            self._depth += tag == self._tag
        elif _is_quoting(tag, attrs):
            self.start, self._tag, self._depth = start, tag, 1
        elif start in self._headers or _is_start(tag, attrs):
            self.start = start

    def close_element(self, tag: str) -> None:
        """Read an end tag.

        Args:
            tag: Its name, in lower case.
        """
        if tag != self._tag:
            return
        self._depth -= 1
        if not self._depth:
            self.start, self._tag = None, ""


def _is_quoting(tag: str, attrs: Mapping[str, str]) -> bool:
    if tag not in _CONTAINERS:
        return tag == "blockquote"
    # GMX names it so.
    return bool(_ELEMENT.search(_join(attrs))) or attrs.get("name") == "quote"


def _is_start(tag: str, attrs: Mapping[str, str]) -> bool:
    if tag == "div" and _is_outlooks_line(attrs.get("style", "")):
        return True
    # Outlook on the web and Outlook 2003.
    if tag == "hr" and attrs.get("tabindex") == "-1":
        return True
    return bool(_START.search(_join(attrs)))


def _join(attrs: Mapping[str, str]) -> str:
    return " ".join(value for name, value in attrs.items() if name != "style")


def _is_outlooks_line(style: str) -> bool:
    written = _SPACE.sub("", style).lower()
    if _LINE.search(written):
        return True
    return bool(_ANY_LINE.search(written) and _ABOVE_FROM.search(written))
