"""``python -m tools.fuzz.seeds``: write the corpus that fuzzing starts from.

Each seed is a case for which ptrack has a line of its own, and is named after it. The
first bytes are the modes of `tools.fuzz.inputs`.
"""

from pathlib import Path

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

SEEDS = {"decryption": DECRYPTION, "requests": REQUESTS}


def write() -> None:
    """Write all seeds."""
    for harness, seeds in SEEDS.items():
        (CORPUS / harness).mkdir(parents=True, exist_ok=True)
        for name, content in seeds.items():
            (CORPUS / harness / name).write_bytes(content)


if __name__ == "__main__":
    write()
