"""ptrack.email.text: the URLs of a plain text."""

import pytest

from ptrack.email.text import find_urls, make_key
from tests.processes import run_python

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://shop.example/a.", ["https://shop.example/a"]),
        (
            "(https://shop.example/a), <http://shop.example/?b=c&d>!",
            ["https://shop.example/a", "http://shop.example/?b=c&d"],
        ),
        ("https://shop.example/a_(b) x", ["https://shop.example/a_(b)"]),
        (
            "HTTPS://SHOP.EXAMPLE/A\nhttps://bücher.example/ü",
            ["HTTPS://SHOP.EXAMPLE/A", "https://bücher.example/ü"],
        ),
        ("www.shop.example shop.example a@shop.example ftp://shop.example", []),
        ("mailto:a@shop.example //shop.example/x", []),
        (
            "http://localhost/ http://localhost",
            ["http://localhost/", "http://localhost"],
        ),
        ("", []),
    ],
)
def test_urls_of_http_and_https_are_found(text, found):
    urls = find_urls(text)
    assert [each.url for each in urls] == found
    assert [text[each.start : each.end] for each in urls] == found


URL = "https://shop.example/a"


def check_found(text: str, *found: str) -> None:
    urls = find_urls(text)
    assert [each.url for each in urls] == list(found)
    assert [text[each.start : each.end] for each in urls] == list(found)


@pytest.mark.parametrize(
    "text",
    [
        # Quotation marks and brackets.
        *("“{}”", "‘{}’", "„{}“", "«{}»", "‹{}›", "»{}«", "「{}」", "『{}』", "《{}》"),
        *("〈{}〉", "【{}】", "〔{}〕", "（{}）をご覧"),
        *("［{}］", "｛{}｝", "＜{}＞", "⟨{}⟩"),
        *("“{}”/“b”", "「{}」「b」", "“{}”—he said", "〝{}〟"),
        *("{}″", "❝{}❞", "{}’s", "{}´"),
        # Punctuation, symbols and dashes.
        *("{}。詳しくは", "{}、また", "{}，", "{}．", "{}！"),
        *("{}？", "{}：", "{}；x", "{}・"),
        *("{}…", "{}……", "{}‥", "{}—and", "{}–and"),
        *("{}―", "{}−", "{}～", "{}〜", "{}‐x"),
        *("{}؟", "{}،", "{}؛", "{}।", "{}׃", "{}။"),
        *("{}፡", "{}·", "{}¶", "{}¿", "{}，而且"),
        *("{}™", "{}®", "{}→", "→{}←", "•{}", "{}•"),
        *("{}€", "{}｜", "{}／", "{}＆", "{}％"),
        *("{}🎉", "{}❤️", "{}👍🏽", "🎉{}🎉", "{}👩‍💻"),
        *("{}¹", "{}½", "{}①", "{}ＡＢＣ", "{}１"),
        # White space and characters that nobody sees.
        *("{}\xa0b", "{}\u3000続き", "{}\u2003b"),
        *("{}\u2009b", "{}\u202fb", "{}\u2028b"),
        *("{}\x85b", "{}\u1680b", "{}\u200b", "{}\u200b b", "{}\u200c", "{}\u200d."),
        *("{}\u2060", "\ufeff{}\ufeff", "{}\xad", "{}\u200e", "{}\u200f ב", "{}\u061c"),
        *("\u2068{}\u2069", "\u2066{}\u2069", "\u202a{}\u202c", "\u202b{}\u202c"),
        *("{}\u202e", "{}\u200b、", "{}\u200bまた", "{}\x00b", "{}\x1b[0m", "{}\ufe0f"),
        # Letters of languages without spaces.
        *("詳細は{}をご覧", "请看{}。", "{}です", "{}にアクセス", "{}で確認"),
        *("{}에서 확인", "{}를 보세요", "{}입니다。", "{}에", "{}한국"),
        *("{}查看", "{}查看详情。50% b", "{}カート", "{}ｶﾅ", "{}へ"),
        *("{}日本", "{}.日本", "{}ดู", "{}ລາວ", "{}を見る/編集"),
        # ASCII.
        *("{}.", "{},", "{}:", "{};", "{}!", "{}?", "{}...", "{}?!", "{}.)", "{}', x"),
        *("'{}'", "'{}','b'", '"{}"', '"{}".', '("{}")', "`{}`", "```{}```", "`{}`b"),
        *("({})", "({}),", "[{}]", "[{}].", "[b]({})"),
        *("![b]({})", "{{{}}}", "{}>", "{})"),
        *("**{}**", "**{}**.", "*{}*", "*{}*, b", "*{}*/*b*", "'{}'/'b'"),
        *("__{}__", "_{}_", "_{}_.", "~~{}~~"),
        *("~{}~", "***{}***", "**b {}**", "**{}**b", "|{}|", "|{}|b|", "| {} |", "#{}"),
        *("<{}>", "<URL:{}>", "<url:{}>", "[b]: <{}>"),
        *("> {}", ">{}", "> > {}\n> b", "- {}"),
        *("{}&gt;", "&lt;{}&gt;", "{}&quot;"),
        *("&ldquo;{}&rdquo;", "{}&nbsp;", "{}&#x3E;"),
        *("{}&#8217;s", "{}&#x201D;", "&laquo;{}&raquo;", "&#39;{}&#39;"),
        *("{}&rarr;", "{}&#12290;b", "{}&bull;b", "{}&#0;", "{}&#999999999;"),
        *("{}\\", "{}^", "{}(see", "{}\n", "{}\r\nb"),
        *("b:{}", "b,{}", "b:\t{}\t", "-{}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("url", [URL, f"{URL}/", "https://b.example", f"{URL}?b=1-_"])
def test_text_around_a_url_is_not_a_part_of_it(text: str, url: str):
    check_found(text.format(url), url)


@pytest.mark.parametrize(
    "end",
    [
        *("/", "=", "-", "_", "~", "#", "+", "&", "$", "@", "%20", "%", "/?b", "#/b"),
        *(
            "_(b)",
            "_(b_(c))",
            "?b[]=1",
            "?b[c]=(d)",
            ";b=c",
            ",b",
            ":b",
            "!b",
            "'b",
            "*b",
        ),
        *(
            "/.b",
            "..b",
            "...b",
            "--b",
            "/https://b.example/",
            "?b=https://b.example/&c=1",
        ),
        *("?b=%E2%80%9D", "/@b", "#:~:text=b", "?b=1&amp;c=2", "?b&copy=1", "/~b/_c_"),
        *("?b&#x3D;c", "&#x2F;b", "/stra&szlig;e", "?b=1&unknown;c", "?b='c'&d"),
        # Letters of languages with spaces between words.
        *(
            "ß",
            "/straße",
            "/e\u0301te\u0301",
            "/путь",
            "/δρόμος",
            "/درب",
            "/דרך",
            "/पथ",
        ),
        *("/पृष्ठ", "?ü=ä&b", "/ünï#ö", "/đường", "/ı", "/٣", "/ʻokina"),
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", "“{}”", "{}. B", "{}。", "**{}**", "<{}>", "({})"]
)
def test_url_has_all_that_may_be_its_own(end: str, around: str):
    url = f"{URL}{end}"
    check_found(around.format(url), url)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "https://shop.example",
            "http://shop.example:8080",
            "https://a-b.shop.example",
        ),
        *("https://me:pw@shop.example", "https://1.2.3.4", "HTTPS://A.B"),
        *(
            "https://bücher.example",
            "https://пример.рф",
            "https://xn--bcher-kva.example",
        ),
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", "“{}”", "({}).", "**{}**", "_{}_", "{}:", "<{}>"]
)
def test_url_may_be_a_host_alone(host: str, around: str):
    check_found(around.format(host), host)


@pytest.mark.parametrize(
    "text",
    [
        # A path in Unicode: more of a URL is behind it.
        *("https://例え.jp/", "https://日本語.jp/a b"),
        *(f"{URL}?q=日本&b=1", f"{URL}/日本/b", f"{URL}/日本?b=1", f"{URL}/日本#b"),
        # A host in Unicode, or a broken one.
        *("https://i❤.ws/", "https://www.i❤.ws/", "https://www.shop。example"),
        *("https://www.sh\xadop.example/", "https://shop\u200b.example", "https://shop—and"),
        # A character in the middle that some programs take, and others don't.
        *(f"{URL}\xadb", f"{URL}\u200bb", f"{URL}\u2060/b"),
        *(f"{URL}…/b", f"{URL}🍕/menu"),
        *(f"{URL}/می\u200cخواهم", f"{URL}/क्\u200dष"),
        # A mark that is the URL's own, or isn't.
        *(f"{URL}?b='c'", f"({URL}?b='c').", f"{URL}?b=*c*", f"'{URL}/o'neill'"),
        *(f"'{URL}?b='c''", f"'{URL}'%20", f"'{URL}'&b=1'"),
        *(f"*{URL}/*/b*", f"**{URL}/**/b**"),
        *(f"{URL}\udce9b", f"{URL}\ue000", f"{URL}\U000e0fffb", f"{URL}\u0378"),
        *(f"{URL}|b", f"{URL}\\b", f"{URL}^b"),
        *(f"{URL}{{b}}", f'{URL}?b="c"', f"{URL}??b"),
        *(f"{URL}(b(c))/d", f"{URL}?b[c[d]]=1"),
        *(f'{URL}?b=[["c"]]', f'{URL}?b=["c"]', f'{URL}?b=("c")', f"{URL}?b=[{{c}}]"),
        # Two URLs, or one.
        *(f"{URL},{URL}", f"{URL};{URL}"),
        # Broken, or with more than a URL in the brackets.
        *(f"<{URL}\nb>", f"<{URL}\r\n b>", f"<{URL} b>"),
        *(f"> <{URL}\n> b>", f"<{URL}|b>"),
        *(f"<{URL}\xadb>", f"<{URL}{{{{ b }}}}>", f"<URL:{URL}\nb>"),
        # A part of another URL.
        *(f"x{URL}", f"git+{URL}", f"shop.example/?u={URL}"),
        *(f"b.example/{URL}", f"%{URL}"),
        # None at all.
        *("https://", "https://...", "https://[b", "http:/b.example", "https:b", "https://“b”"),
        "https://-/",
    ],
)  # fmt: skip
def test_url_that_may_be_another_one_is_left_out(text: str):
    check_found(text)


def test_brackets_that_are_not_closed_end_nothing():
    check_found(f"<{URL} and <b>", URL)
    check_found(f"a < {URL} and b > c", URL)


def test_url_inside_a_bracketed_one_is_not_found_again():
    check_found(f"<{URL}「{URL}」> {URL}", f"{URL}「{URL}」", URL)
    check_found(f"<https://web.example/\n{URL}> {URL}", URL)


def test_several_urls_are_found_between_marks_without_spaces():
    text = f"「{URL}1」と（{URL}2）、[{URL}3]({URL}4)\u3000{URL}5…{URL}6。"
    check_found(text, *(f"{URL}{number}" for number in range(1, 7)))
    check_found(f"{URL}1\u200b{URL}2<{URL}3>\n{URL}4", *(f"{URL}{n}" for n in "1234"))


def test_more_urls_than_one_word_may_have_are_found_between_marks():
    """A paragraph in Japanese has no space in it."""
    check_found(f"詳細は{URL}。" * 30, *[URL] * 30)


@pytest.mark.parametrize("end", ["", ".", ")"])
def test_url_before_a_line_that_is_joined_to_it_is_left_out(end: str):
    text = f"({URL}1{end} \r\nb {URL}2{end}\r\n{URL}3 b"
    assert [each.url[-1] for each in find_urls(text, joined=True)] == ["2", "3"]
    assert [each.url[-1] for each in find_urls(text)] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "other",
    [
        *("https://shop.example/ä?a=1&b=2", "HTTPS://Shop.Example/ä?a=1&b=2"),
        *("https://shop.example/%C3%A4?a=1&amp;b=2", "https://shop.example/ä?a=1&b=2."),
        "https://shop.example/%c3%a4?a=1&b=2/",
    ],
)
def test_key_is_the_same_for_urls_that_a_reader_takes_for_the_same(other: str):
    assert make_key("https://shop.example/ä?a=1&b=2") == make_key(other)
    assert make_key("https://shop.example/ä?a=1&b=3") != make_key(other)


def test_error_names_the_extra_to_install():
    with pytest.raises(AssertionError, match=r"ImportError.*django-ptrack\[email\]"):
        run_python(
            "import sys; sys.modules['linkify_it'] = None\n"
            "from ptrack.email.text import find_urls; find_urls('https://shop.example')"
        )
