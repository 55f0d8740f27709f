"""``python -m tools.fuzz.seeds``: write the corpus that fuzzing starts from.

Each seed is a case for which ptrack has a line of its own, and is named after it. The
first bytes are the modes of `tools.fuzz.inputs`.
"""

import json
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent / "corpus"

DECRYPTION: dict[str, bytes] = {
    "empty": b"",
    "garbage": b"Tgarbage",
    "standard-alphabet": b"T" + b"+/" * 32,
    "not-ascii": b"T" + "ü".encode() * 32,
    "only-padding": b"T====",
    "slash-at-the-end": b"T" + b"A" * 64 + b"/",
    "one-character-over": b"T" + b"A" * 65,
    "spare-bits": b"T" + b"A" * 65 + b"B==",
    "too-long": b"T" + b"A" * 8001,
    "bytes-no-nonce": b"Bshort",
    "bytes-no-content": b"B" + bytes(40),
    "bytes-forged": b"B" + bytes(64),
    "sealed-nothing": b"J",
    "sealed-no-arguments": b"J[[],{}]",
    "sealed-spaces-behind": b"J[[],{}]  ",
    "sealed-arguments": b'J[["a",1,1.5,true,null],{"k":{"deep":[{}]}}]',
    "sealed-unicode": 'J[["é😀"],{"ü":"\u2028"}]'.encode(),
    "sealed-escapes": rb'J[["\ud800\u0000\n"],{"":""}]',
    "sealed-numbers": b"J[[1e400,-0.0,NaN,-Infinity," + b"9" * 50 + b"],{}]",
    "sealed-too-many-digits": b"J[[" + b"9" * 4301 + b"],{}]",
    "sealed-same-keys": b'J[[],{"a":1,"a":2,"self":3,"request":4}]',
    "sealed-reserved-key": b'J[[],{":":{"x":1},"k":2}]',
    "sealed-deep": b"J" + b"[" * 1500 + b"]" * 1500,
    "sealed-open-end": b"J" + b"[" * 3000,
    "sealed-three": b"J[[],{},[]]",
    "sealed-wrong-way-round": b"J[{},[]]",
    "sealed-object": b'J{"args":[]}',
    "sealed-text": b'J"text"',
    "sealed-not-utf-8": b'J[["\xff"],{}]',
    "sealed-more-behind": b"J[[],{}] more",
    "earlier-secret": b'E[["old"],{}]',
    "padded-one": b'P[["x"],{}]',
    "padded-two": b'P[["xxx"],{}]',
    "link": b'L[["https://h.example/"],{}]',
    "forged": b'X[["a"],{}]',
}

HIT = b'/ptrack/<J[["a"],{"k":1}]>/'
LINK = b'/ptrack/link/<L[["a","https://h.example/?b=1#c"],{"k":1}]>/'

REQUESTS: dict[str, bytes] = {
    "hit": b"GET\n" + HIT + b"\n",
    "hit-without-slash": b"GET\n" + HIT[:-1] + b"\n",
    "hit-with-query-and-headers": b"GET\n"
    + HIT
    + b"\nutm=1\nHost: www.example.com\nUser-Agent: Mail/1\nCookie: a=b",
    "hit-in-lower-case": b"get\n" + HIT + b"\n",
    "link": b"GET\n" + LINK + b"\nutm=1",
    "hit-with-reserved-key": b'GET\n/ptrack/<J[[],{":":1,"k":2}]>/\n',
    "link-with-reserved-key": b"GET\n"
    b'/ptrack/link/<L[["https://h.example/"],{":":1,"k":2}]>/\n',
    "link-head": b"HEAD\n" + LINK + b"\n",
    "link-post": b"POST\n" + LINK + b"\n",
    "link-not-ascii": b"GET\n"
    + '/ptrack/link/<L[["https://bücher.example/ä b#ß"],{}]>/'.encode()
    + b"\n",
    "link-to-no-target": b'GET\n/ptrack/link/<L[["javascript:a"],{}]>/\n',
    "link-to-two-lines": b"GET\n" + rb'/ptrack/link/<L[["https://h/\r\nX:y"],{}]>/',
    "link-to-a-number": b"GET\n/ptrack/link/<L[[1],{}]>/\n",
    "link-to-nothing": b"GET\n/ptrack/link/<L[[],{}]>/\n",
    "link-garbage": b"GET\n/ptrack/link/garbage/\n",
    "link-garbage-head": b"HEAD\n/ptrack/link/garbage/\n",
    "link-without-token": b"GET\n/ptrack/link/\n",
    "pixel-as-link": b'GET\n/ptrack/link/<J[["https://h.example/"],{}]>/\n',
    "link-as-pixel": b'GET\n/ptrack/<L[["https://h.example/"],{}]>/\n',
    "head": b"HEAD\n" + HIT + b"\n",
    "post-with-a-body-announced": b"POST\n"
    + HIT
    + b"\n\nContent-Type: text/plain; charset=utf-7\nContent-Length: 9",
    "method-of-any-bytes": b"G%00%0D%0A%FFT\n" + HIT + b"\n",
    "method-missing": b"\n" + HIT + b"\n",
    "earlier-secret": b'GET\n/ptrack/<E[["old"],{}]>\n',
    "padded": b'GET\n/ptrack/<P[["x"],{}]>\n',
    "forged": b'GET\n/ptrack/<X[["a"],{}]>/\n',
    "garbage": b"GET\n/ptrack/garbage/\n",
    "garbage-not-utf-8": b"GET\n/ptrack/%FF%FE%00%0A\n",
    "garbage-too-long": b"GET\n/ptrack/" + b"A" * 8100 + b"\n",
    "no-token": b"GET\n/ptrack/\n",
    "only-slashes": b"GET\n/ptrack////\n",
    "doubled-slash": b"GET\n/ptrack//<J[[],{}]>/\n",
    "encoded-slash": b"GET\n/ptrack/<J[[],{}]>%2F\n",
    "encoded-prefix": b"GET\n/%70track/<J[[],{}]>/\n",
    "beside-the-prefix": b"GET\n/ptracker/x\n",
    "prefix-without-slash": b"GET\n/ptrack\n",
    "page": b"GET\n/page/\nq=%FF\nRange: bytes=0-0",
    "page-not-utf-8": b"GET\n/%FF\n",
    "no-path": b"GET\n\n",
    "no-leading-slash": b"GET\nptrack/<J[[],{}]>/\n",
    "whole-url-as-path": b"GET\nhttp://www.example.com/ptrack/<J[[],{}]>/\n",
    "sent-conditionally": b"GET\n"
    + HIT
    + b"\n\nIf-None-Match: *\nIf-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT",
    "overridden": b"GET\n"
    + HIT
    + b"\n\nX-HTTP-Method-Override: DELETE\nX-Original-URL: /page/",
}


def _make_job(**changes: Any) -> bytes:
    fields = {
        "callback": "fuzz.Open",
        "kind": "pixel",
        "id": "018f0000000070008000000000000007",
        "at": "2026-01-02T03:04:05.678901+00:00",
        "meta": {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/ptrack/x/",
            "QUERY_STRING": "a=1",
            "REMOTE_ADDR": "192.0.2.1",
            "HTTP_USER_AGENT": "Mail/1",
            "HTTP_X_FORWARDED_FOR": "192.0.2.2, 192.0.2.3",
            "wsgi.url_scheme": "https",
        },
        "args": ["a", 1, None],
        "kwargs": {"k": [1.5, {"x": True}]},
        "target": None,
    }
    return b"J" + json.dumps({**fields, **changes}, separators=(",", ":")).encode()


_LINK = {"callback": "fuzz.Click", "kind": "link"}

JOBS: dict[str, bytes] = {
    "pixel": _make_job(),
    "link": _make_job(**_LINK, target="https://h.example/?a=1#b"),
    "link-without-target": _make_job(**_LINK),
    "link-to-no-target": _make_job(**_LINK, target="javascript:a"),
    "pixel-with-target": _make_job(target="https://h.example/"),
    "callback-missing": _make_job(callback="shop.pixels.Gone"),
    "callback-of-two-lines": _make_job(callback="a\nWARNING ptrack: b"),
    "callback-too-long": _make_job(callback="x" * 1001),
    "callback-as-an-object": _make_job(callback={"a": 1}),
    "kind-of-later": _make_job(kind="later"),
    "kind-as-a-list": _make_job(kind=[]),
    "id-short": _make_job(id="7"),
    "id-as-a-number": _make_job(id=7),
    "at-without-zone": _make_job(at="2026-01-02T03:04:05"),
    "at-the-beginning": _make_job(at="0001-01-01T00:00:00+23:59"),
    "at-the-end": _make_job(at="9999-12-31T23:59:59-23:59"),
    "at-as-a-number": _make_job(at=0),
    "meta-empty": _make_job(meta={}),
    "meta-as-a-list": _make_job(meta=[]),
    "meta-of-webobs": _make_job(meta={"webob.adhoc_attrs": "x", "HTTP_COOKIE": "a=b"}),
    "meta-not-text": _make_job(meta={"HTTP_X": 1}),
    "meta-surrogates": _make_job(
        meta={"HTTP_USER_AGENT": "\ud800", "REMOTE_ADDR": "\udfff"}
    ),
    "meta-content-type": _make_job(meta={"CONTENT_TYPE": "text/plain; charset=utf-7"}),
    "args-as-an-object": _make_job(args={}),
    "args-deep": _make_job().replace(b'["a",1,null]', b"[" * 900 + b"]" * 900),
    "args-unreadably-deep": b"J" + b"[" * 4000,
    "args-of-numbers": _make_job().replace(b'["a",1,null]', b"[NaN,1e400,-0.0]"),
    "kwargs-as-a-list": _make_job(kwargs=[]),
    "kwargs-of-the-callback": _make_job(kwargs={"self": 1, "request": 2, "": 3}),
    "too-many-digits": b"J" + b"9" * 4301,
    "fields-missing": b'J{"callback":"fuzz.Open"}',
    "object": b"O{}",
    "object-null": b"Onull",
    "object-number": b"O5",
    "text": b"Jgarbage",
    "not-utf-8": b"J\xff\xfe",
    "empty": b"",
}

SHOP = "https://shop.example/"
LINKS = f'<a href="{SHOP}?a=1&amp;b=2">a</a> <a href={SHOP}>b</a>'


def _make_part(content: str, kind: str = "text/html", *headers: str) -> str:
    return "\r\n".join([f"Content-Type: {kind}", *headers, "", content])


def _make_parts(*parts: str, kind: str = "multipart/mixed; boundary=b") -> bytes:
    inner = "".join(f"--b\r\n{part}\r\n" for part in parts)
    return _make_part(f"{inner}--b--\r\n", kind).encode()


def _make_html(content: str) -> bytes:
    return _make_part(content).encode()


MAILS: dict[str, bytes] = {
    "empty": b"",
    "no-headers": LINKS.encode(),
    "html": _make_html(f"<html><body>\r\n{LINKS}\r\n</body></html>\r\n"),
    "plain": f"Subject: Hi\r\n\r\nSee {SHOP}a, ({SHOP}b_(c)).\r\n".encode(),
    "alternative": _make_parts(
        _make_part(f"See {SHOP}", "text/plain"),
        _make_part(LINKS),
        kind="multipart/alternative; boundary=b",
    ),
    "attachments": _make_parts(
        _make_part(LINKS),
        _make_part(LINKS, "text/html", "Content-Disposition: attachment"),
        _make_part(_make_part(LINKS), "message/rfc822"),
        _make_part("AAAA", "image/png", "Content-Transfer-Encoding: base64"),
    ),
    "signed": _make_parts(
        _make_part(LINKS),
        _make_part("AAAA", "application/pgp-signature"),
        kind="multipart/signed; boundary=b",
    ),
    "base64": _make_part(
        "PGEgaHJlZj0iaHR0cHM6Ly9zaG9wLmV4YW1wbGUvIj5hPC9hPg==",
        "text/html; charset=utf-8",
        "Content-Transfer-Encoding: base64",
    ).encode(),
    "base64-broken": _make_part(
        "PGEgaHJl=Zj0_A", "text/html", "Content-Transfer-Encoding: base64"
    ).encode(),
    "quoted-printable": _make_part(
        f'<a href=3D"{SHOP}?=\r\nx">=E4=\r\n</a>=0D=ZZ',
        "text/html; charset=iso-8859-1",
        "Content-Transfer-Encoding: quoted-printable",
    ).encode(),
    "uuencoded": _make_part(
        "begin 666 -\n#:&$A\n \nend\n",
        "text/plain",
        "Content-Transfer-Encoding: x-uuencode",
    ).encode(),
    "not-utf-8": _make_part(LINKS, "text/html; charset=utf-8").encode() + b"\xff\xe4",
    "utf-16": _make_part(
        "PAA+AA==", "text/html; charset=utf-16", "Content-Transfer-Encoding: base64"
    ).encode(),
    "utf-7": _make_part("+AGE-", "text/html; charset=utf-7").encode(),
    "charset-unable-to-write": _make_part(
        "<p>", "text/html; charset=iso-2022-jp"
    ).encode()
    + b"\x1b\xed(",
    "charset-of-python": _make_part(LINKS, "text/html; charset=idna").encode(),
    "charset-unknown": _make_part(LINKS, "text/html; charset=x").encode(),
    "charset-with-null": _make_part(LINKS, "text/html; charset=a\0b").encode(),
    "parameters-broken": _make_part(
        LINKS, "text/html; a*0=b; a*=c; x*=y\0''z"
    ).encode(),
    "comments-nested": _make_part(
        LINKS, "text/html", f"Content-Disposition: {'(' * 500}"
    ).encode(),
    "header-long": _make_part(LINKS, f"text/html; a={'b' * 4000}").encode(),
    "header-encoded": b"List-Unsubscribe: "
    b"=?utf-8?q?=3Chttps=3A//shop=2Eexample/=3E?=\r\n" + _make_html(LINKS),
    "unsubscribe": f"List-Unsubscribe: <{SHOP}>\r\n".encode() + _make_html(LINKS),
    "line-long": _make_html(LINKS + "x" * 990),
    "from-at-the-start": _make_html(f"From {LINKS}\r\nFrom there"),
    "carriage-returns": _make_html(f"{LINKS}\r\r{LINKS}\n\n"),
    "parts-without-end": _make_parts(_make_part(LINKS))[:-9],
    "parts-without-boundary": _make_parts(_make_part(LINKS), kind="multipart/mixed"),
    "parts-deep": "".join(
        f"Content-Type: multipart/mixed; boundary=b{number}\r\n\r\n--b{number}\r\n"
        for number in range(20)
    ).encode()
    + _make_html(LINKS),
    "parts-in-a-base64-part": _make_part(
        f"--b\r\n\r\n{LINKS}\r\n--b--",
        "multipart/mixed; boundary=b",
        "Content-Transfer-Encoding: base64",
    ).encode(),
    "html-conditional": _make_html(
        f"<!--[if mso]><v:rect href='{SHOP}'/>{LINKS}<![endif]-->{LINKS}"
        f"<!--[if !mso]><!-->{LINKS}<!--<![endif]--><![if a]>{LINKS}<![endif]>"
    ),
    "html-comments": _make_html(
        f"<!-->{LINKS}<!--->{LINKS}<!-- {LINKS} --!>{LINKS}"
        f"<? {LINKS}</ {LINKS}<!-- {LINKS}"
    ),
    "html-text-only": _make_html(
        f"<title>{LINKS}</title><style>{LINKS}</style ><xmp>{LINKS}</xmp>"
        f"<script/>{LINKS}</script><plaintext>{LINKS}</plaintext>{LINKS}"
    ),
    "html-references": _make_html(
        f'<a href="{SHOP}?&copy=1&amp;&#65;&#x41&#{"9" * 4500};&nothing;&notit;">'
    ),
    "html-references-to-controls": _make_html(f'<a href="{SHOP}?&#x4 &#127;&#xFFFF;">'),
    "html-quotes": _make_html(
        f"<a a='\">' href='{SHOP}'><a href=\"{SHOP}?'\"b=c>"
        f"<a\thref\n=\n{SHOP}/><a href={LINKS}"
    ),
    "html-attributes-twice": _make_html(f"<a href={SHOP}a href={SHOP}b HREF={SHOP}c>"),
    "html-open-quote": _make_html(f'{LINKS}<a href="{LINKS}'),
    "html-null": _make_html(f'<a href="\0{SHOP}">{LINKS.replace("h", chr(0) + "h")}'),
    "html-off": _make_html(
        f"<p data-ptrack=off><p>{LINKS}</p></p>{LINKS}<br data-ptrack=off>{LINKS}"
    ),
    "html-left-overs": _make_html(f'<a href="{SHOP}{{{{ id }}}}"><a href="*|URL|*">'),
    "html-target-too-long": _make_html(f'<a href="{SHOP}{"a" * 6000}">{LINKS}'),
    "text-encoded-labels": f"\r\nhttp://{'xn--a.' * 40}example_ {SHOP}".encode(),
    "text-many-in-a-word": f"\r\n{f'({SHOP})' * 11} {SHOP}".encode(),
}

SEEDS = {
    "decryption": DECRYPTION,
    "jobs": JOBS,
    "mails": MAILS,
    "requests": REQUESTS,
}


def write() -> None:
    """Write all seeds."""
    for harness, seeds in SEEDS.items():
        (CORPUS / harness).mkdir(parents=True, exist_ok=True)
        for name, content in seeds.items():
            (CORPUS / harness / name).write_bytes(content)


if __name__ == "__main__":
    write()
