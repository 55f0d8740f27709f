"""Mails that are made to keep a program busy, of any length."""

import base64
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIZE = 200_000
HANG = 10
"""Seconds: fifty times what any of them takes."""

MARKS = "\u0301\u0316"
"""Two marks for one letter, which Unicode puts into the other order."""

HTML = (
    *("<", "</", "<!", "<!--", "<![", "<?", "<a", "<a ", "<a\n", "<a/", "</a ", "<v:a"),
    *("<a =", "<a a=", '<a a="', "<a a='", "<a a='>", "<a a=\"'>", "<a a=b ", "= '\""),
    *("<p>", "<p a=1 b=2>", "<a href=x>", "<a href=http://e.example/>", "<img src=x>"),
    *("&", "&a", "&#", "&#9", "&#x", "&amp", "&ampx;", '"', "'", "=", " ", "a=b "),
    *("<title>", "<title></title ", "</title", "<script>", "</script", "<xmp/>"),
    *("<textarea>x</textarea", "<style></style>", "-", "--", "--!", "<!-->", "<!--->"),
    *("<!-- -->", "<!--[if a]>", "<![endif]", "<![endif]-->", "<!--[if a]>  <![endif]"),
    *("<!--[if a]><a href=x><![endif]-->", "<![if a]>", "<![CDATA[", "]]>", "[if a]>"),
    *(
        "<p class=ptrack-off>",
        "<p class='a b '>",
        "-----BEGIN PGP ",
        "<br class=ptrack-off>",
    ),
    *("<p data-ptrack=off>", "<p data-ptrack=off></p>", "</p>", "</body>", "\n<"),
    *("<blockquote>", "</blockquote>", "<div class=gmail_quote>", "<hr tabindex=-1>"),
    *("<b>From:", "<b>Sent:", "<b><span a>", "<b>De ", "<b>L", "<b", "jj"),
    *("<div style='", "border-top:", "padding:3pt0", "<div id=x_", "<blockquote/>x"),
    *(
        "<p style='url( ",
        "url(",
        "url('' ",
        "%z",
        "{{",
        "{",
        "%da%",
        "[[a",
        "\x00",
        "\ud800",
        "é<é",
    ),
    MARKS,
)
"""Pieces of HTML to repeat."""

AROUND = (
    ("", ""),
    ("<a ", ">"),
    ('<a href="http://e', '">'),
    ('<a href="http://e.example/', '">'),
    ("<p style='", "'>"),
    ("<b ", ">From:"),
    ("<b>L", ":"),
    ("<b><span ", ">From:</b><b>Sent:"),
    ("<div style='", "'>"),
    ("<div class='gmail_quote' id=", "></div>"),
    ("<!--[if a]>", "<![endif]-->"),
    ("<title>", ""),
    ("<!--", ""),
)
"""What can be before and behind the pieces."""

TEXT = (
    *("http:", "http://", "http://e.example/", "http://e.example/(", "(http://e/("),
    *("http://e.example/[", 'http://e.example/"', "http://e.example/'", "http://e/{"),
    *(
        "http://a@",
        "http://a@a@a",
        "http://a:",
        "http://e/.",
        "http://e/!",
        "http://e/-",
    ),
    *("http://xn--a.", "http://e?([", "<http://e/>", "http://é.é/", "http://\uff5c"),
    *("http://e/ ", "http://xn--a.xn--a.xn--a.a_ ", "http://e/(((((((( ", "http://e/<"),
    *("xn--a.", "XN--a.", "xn--", "(", "[", "{", '"', "'", "''a", ".", "-", "!", "a."),
    *(
        "http://e/\u200b",
        "http://e/\u3092",
        "http://e/\u65e5",
        "http://e.e\u3002",
        "\u200b",
    ),
    *(
        "<http://e/ ",
        "<http://e/>",
        "_http://e/_",
        "*http://e/*",
        "http://e/,",
        "|http://e/",
    ),
    *(
        "http://e/&gt;",
        "&#0",
        "http://e/ \n",
        "> ",
        "\n>",
        "-----BEGIN PGP ",
        "http://e\u0301/",
    ),
    *("a-", "@", "a@", "([{", "((a)", "a:1", "%z", "\u3002", "é", "\ud800", "/", "?"),
    MARKS,
)
"""Pieces of plain text to repeat."""

HEADERS = {
    "Content-Type": "text/html; ",
    "Content-Disposition": "inline; ",
    "Content-Transfer-Encoding": "8bit",
    "List-Unsubscribe": "<https://e.example/>",
    "Subject": "",
}
PARAMETERS = (
    *(";", "(", "((a)", '"', "\\", "<", "<a>,", "[", "@", "a@b,", ":;", "=", "a=b; "),
    *(
        'a="b"; ',
        "a*0=b;a*1=c;",
        "a*0*=utf-8'';",
        "charset*=utf-8''%41;",
        "=?",
        "\r\n ",
    ),
    *("=?utf-8?q?a?= ", "a\r\n ", "é", "charset=utf-8;", "boundary=b;", "a"),
)
CHARSETS = (
    *("utf-7", "utf-16", "hz", "iso2022_jp", "big5", "gb18030", "cp037", "cp864"),
    *("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"),
    *("rot13", "hex", "x\0y", "unknown"),
)
BODIES = ("a", "a-", "&", "+AGE-", "\\u0041", "~{", "\x1b$B", ".xn--a", "\xff", "<a ")
ENCODINGS = ("base64", "quoted-printable", "x-uuencode", "7bit", "x")
ENCODED = ("=", "A", "=\n", "AAAA\n", "\r", "\n", "=3D", "From ", "\0", "é")


def repeat(piece: str, size: int) -> str:
    """Return a text of a given length that is one piece over and over."""
    return (piece * (size // len(piece) + 1))[:size]


def make_html(size: int) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each HTML."""
    for before, behind in AROUND:
        for piece in HTML:
            text = f"{before}{repeat(piece, size)}{behind}"
            yield f"HTML {before!r} {piece!r}", text


def make_texts(size: int) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each plain text."""
    for before in ("", "http://", "http://e.example/", "http://xn--a."):
        for piece in TEXT:
            yield f"text {before!r} {piece!r}", before + repeat(piece, size)
    for opening, closing in ("()", "[]", "{}"):
        middle = opening * (size // 2) + closing * (size // 2)
        yield f"text {opening + closing!r}", f"http://e.example/{middle}"


def make_mails(size: int) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the source of each mail."""
    for name, start in HEADERS.items():
        for piece in PARAMETERS:
            header = f"{name}: {start}{repeat(piece, size)}".rstrip()
            more = "" if name == "Content-Type" else "\r\nContent-Type: text/html"
            yield f"{name} {piece!r}", f"{header}{more}\r\n\r\n<p>".encode()
    for charset in CHARSETS:
        for piece in BODIES:
            body = base64.encodebytes(repeat(piece, size).encode("latin-1")).decode()
            yield f"{charset!r} {piece!r}", make_part(charset, "base64", body)
    for encoding in ENCODINGS:
        for piece in ENCODED:
            body = repeat(piece, size)
            yield f"{encoding} {piece!r}", make_part("utf-8", encoding, body)
    yield from make_structures(size)


def make_structures(size: int) -> Iterator[tuple[str, bytes]]:
    """Yield mails of very many parts or headers."""
    mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    related = "Content-Type: multipart/related; start=a; boundary=b\r\n\r\n"
    part = "--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n"
    yield "parts", (mixed + repeat(part, size)).encode()
    yield (
        "related",
        (related + repeat(f"--b\r\nContent-ID: b\r\n{part[5:]}", size)).encode(),
    )
    yield "boundaries", (mixed + repeat("--b\r\n", size)).encode()
    for header in ("A: b", "Content-Type: text/html", "List-Unsubscribe: <http://e/>"):
        lines = repeat(f"{header}\r\n", size).rpartition("\r\n")[0]
        yield header, f"{lines}\r\n\r\n<p>".encode()


def make_deep(depth: int) -> bytes:
    """Return a mail with HTML in parts inside parts."""
    outer = "".join(
        f"Content-Type: multipart/mixed; boundary=b{number}\r\n\r\n--b{number}\r\n"
        for number in range(depth)
    )
    return f"{outer}Content-Type: text/html\r\n\r\n<p>\r\n".encode()


def make_part(charset: str, encoding: str, body: str) -> bytes:
    """Return a mail of HTML in one part."""
    return (
        f'Content-Type: text/html; charset="{charset}"\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n{body}"
    ).encode()


@contextmanager
def limit_time(seconds: int = HANG) -> Iterator[None]:
    """Raise a `TimeoutError` in the block if it doesn't end in time."""

    def stop(*_: Any) -> None:
        raise TimeoutError(f"it takes more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
