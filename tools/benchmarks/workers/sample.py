"""The same secret, the same data and the same request for every side."""

import io
from typing import Any

SECRET = "a-secret-of-the-benchmark-32byte"
APP_URL = "https://www.example.com"
PREFIX = "/ptrack/"
ARGS: tuple[Any, ...] = ("testarg",)
KWARGS: dict[str, Any] = {"key1": "arg1", "key2": "arg2"}

OTHER_PATH = "/page-15/"
"""A page of the site, which has thirty."""

LINKS = 30
_ROW = """<tr>
  <td align="center" style="font-size:14px;line-height:20px;padding:10px 25px;">
    <a href="https://shop.example/articles/{0}?utm_source=mail&amp;utm_campaign=spring"
      style="color:#1155cc;text-decoration:none" target="_blank"><img width="200"
      src="https://img.example/{0}.png" height="100" alt="Article {0}"></a>
    <div style="font-family:Helvetica, Arial, sans-serif;font-size:13px">Lorem ipsum
    dolor sit amet, consectetur adipiscing elit &amp; so on and so forth.</div>
  </td>
</tr>
"""
MAIL = (
    "<!doctype html>\n<html><head><title>News</title><style>\n"
    + "a { color: #1155cc; text-decoration: none }\n" * 50
    + '</style></head>\n<body style="margin:0"><table role="presentation">\n'
    + "".join(_ROW.format(number) for number in range(LINKS))
    + "</table></body></html>\n"
)
"""The HTML of a mail as a builder makes it, of 17 kB, every link to another page."""

_HEADERS = {
    "host": "www.example.com",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox",
    "accept": "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
    "accept-language": "en-US,en;q=0.5",
    "accept-encoding": "gzip, deflate, br, zstd",
    "connection": "keep-alive",
}


def make_environ(path: str) -> dict[str, Any]:
    """Return the environ that a WSGI server makes of the browser's GET of a path."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **{
            f"HTTP_{name.upper().replace('-', '_')}": value
            for name, value in _HEADERS.items()
        },
    }


def make_scope(path: str) -> dict[str, Any]:
    """Return the scope that an ASGI server makes of the browser's GET of a path."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (name.encode(), value.encode()) for name, value in _HEADERS.items()
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
