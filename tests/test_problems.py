"""ptrack.problems: what is wrong with a value, in words that say what to do."""

import re

import pytest

from ptrack.problems import (
    app_url_problem,
    background_problem,
    fallbacks_problem,
    honour_gpc_problem,
    link_fallback_problem,
    link_query_problem,
    prefix_problem,
    secret_problem,
    trusted_proxies_problem,
)


class Engine:
    def enqueue(self, job: str) -> None: ...


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (secret_problem("x"), None),
        (secret_problem(b"x" * 32), None),
        (
            secret_problem(None),
            "PTRACK_SECRET is not set: set it to a random text",
        ),
        (secret_problem("x" * 33), "PTRACK_SECRET can't be used: .* 32 bytes"),
        (secret_problem(1), "must be str or bytes, not int; set it"),
        (fallbacks_problem(None), None),
        (fallbacks_problem(["a", b"b"]), None),
        (fallbacks_problem(()), None),
        (fallbacks_problem("abc"), "a list of earlier secrets, not str"),
        (fallbacks_problem(1), "a list of earlier secrets, not int"),
        (fallbacks_problem({"old": "s"}), "a list of earlier secrets, not dict"),
        (fallbacks_problem(["a", ""]), r"FALLBACKS\[1\] can't be used"),
        (trusted_proxies_problem(None), None),
        (trusted_proxies_problem(()), None),
        (trusted_proxies_problem(["10.0.0.0/8", "2001:db8::1", "unix:"]), None),
        (trusted_proxies_problem("10.0.0.1"), "a list of addresses and net.* not str"),
        (trusted_proxies_problem(1), "a list of addresses and networks, not int"),
        (
            trusted_proxies_problem(["10.0.0.1", "10.0.0.1/8"]),
            "can't be used: 10.0.0.1/8 has host bits set; its entries",
        ),
        (trusted_proxies_problem(["*"]), "can't be used: '\\*' does not appear"),
        (trusted_proxies_problem([""]), "can't be used: '' does not appear"),
        (background_problem(None, None), None),
        (background_problem("celery", "pixels"), None),
        (background_problem(Engine(), None), None),
        (background_problem(1, None), "the dotted path of a class or .* not int"),
        (background_problem("tasks", 1), "must be the name of a queue, not int"),
        (app_url_problem(None), None),
        (app_url_problem(""), None),
        (app_url_problem("https://h"), None),
        (app_url_problem("http://h:80/at/"), None),
        (app_url_problem("www.example.com"), "must be a scheme and a host"),
        (app_url_problem("//h"), "must be a scheme and a host"),
        (app_url_problem("https://"), "must be a scheme and a host"),
        (app_url_problem("ftp://h"), "must be a scheme and a host"),
        (app_url_problem("https://h?q"), "must be a scheme and a host"),
        (app_url_problem("https://[h"), "must be a scheme and a host"),
        (app_url_problem(1), "must be a scheme and a host"),
        (prefix_problem(None), None),
        (prefix_problem("/x/"), None),
        (prefix_problem(1), "must be str, not int"),
        (link_fallback_problem(None), None),
        (link_fallback_problem(""), None),
        (link_fallback_problem("https://h/help"), None),
        (link_fallback_problem("/help"), "LINK_FALLBACK_URL must be an absolute URL"),
        (link_fallback_problem(1), "must be an absolute URL, not 1"),
        (link_query_problem(None), None),
        (link_query_problem(True), None),
        (link_query_problem(["utm_source"]), None),
        (link_query_problem("utm_source"), "LINK_QUERY must be a list of names"),
        (link_query_problem([1]), "must be a list of names"),
        (link_query_problem(1), "must be a list of names"),
        (honour_gpc_problem(None), None),
        (honour_gpc_problem(False), None),
        (honour_gpc_problem("yes"), "HONOUR_GPC must be True or False, not 'yes'"),
    ],
)
def test_problem_says_what_to_do(problem, said):
    if said is None:
        assert problem is None
    else:
        assert re.search(said, problem)
