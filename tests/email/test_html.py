"""ptrack.email.html: the links of a text, the place for the pixel, and all URLs."""

import pytest

from ptrack.email.html import find_urls, read_outline


def find_targets(text: str) -> list[str]:
    return [href.url for href in read_outline(text).hrefs]


def cut_values(text: str) -> list[str]:
    return [text[href.start : href.end] for href in read_outline(text).hrefs]


@pytest.mark.parametrize(
    ("tag", "value", "url"),
    [
        ('<a href="x">', "x", "x"),
        ("<a href='x'>", "x", "x"),
        ("<a href=x>", "x", "x"),
        ("<A\n\tHREF\n=\n'x'\n>", "x", "x"),
        ('<a title="a > b" href="x">', "x", "x"),
        ('<a title=\'href="y"\' href="x">', "x", "x"),
        ("<a data-href=y href=x>", "x", "x"),
        ('<a href="x" href="y">', "x", "x"),
        ('<a href="x"title=y>', "x", "x"),
        ('<a/href="x"/>', "x", "x"),
        ('<a href="x" />', "x", "x"),
        ("<a href=x/>", "x/", "x/"),
        ('<area href="x">', "x", "x"),
        ('<v:rect href="x">', "x", "x"),
        ('<a href="&#120;">', "&#120;", "x"),
        ('<a href="&#X78">', "&#X78", "x"),
        ('<a href="?a=1&amp;b=2">', "?a=1&amp;b=2", "?a=1&b=2"),
        ('<a href="?a=1&copy=2">', "?a=1&copy=2", "?a=1&copy=2"),
        ('<a href="?a=1&copy">', "?a=1&copy", "?a=1©"),
        (
            '<a href="?a&gt2&gt;&gtx=&nothing;">',
            "?a&gt2&gt;&gtx=&nothing;",
            "?a&gt2>&gtx=&nothing;",
        ),
        ('<a href=" \n x\ty\r\nz \x01">', " \n x\ty\r\nz \x01", "xyz"),
        ('<a href="é">', "é", "é"),
        ('<a href="\0x&#0;">', "\0x&#0;", "\ufffdx\ufffd"),
        ('<a href="x&#4y&#x7f&#128;">', "x&#4y&#x7f&#128;", "x\x04y\x7f€"),
    ],
)
def test_link_is_found_at_its_place_and_read_as_by_a_browser(tag, value, url):
    text = f"<p>1 < 2\r\n&</p>\n\n  {tag}text</a>"
    assert cut_values(text) == [value]
    assert find_targets(text) == [url]
    (href,) = read_outline(text).hrefs
    assert href.quoted == (text[href.start - 1] in "\"'")


@pytest.mark.parametrize(
    "text",
    [
        "<a>",
        "<a href>",
        '<a name="x">',
        '<link href="x">',
        '<base href="x">',
        '<p href="x">',
        '<a href="x" rel="nofollow UNSUBSCRIBE">',
        '<a href="x" data-ptrack="off">',
        "<a href=x data-ptrack=' OFF '>",
        '<area href="x" data-ptrack="off">',
        '<!-- <a href="x"> -->',
        '<!--[if mso]> <a href="x"> -->',
        '<!-- [if mso]> <a href="x"><![endif]-->',
        '<!--[if mso]> <!-- <a href="x"><![endif]',
        '<![CDATA[ <a href="x"> ]]>',
        '<?php <a href="x"> ?>',
        '<!doctype <a href="x">',
        '<script>"<a href=x>"</script>',
        '<style>/*<a href="x">*/</style>',
        '<textarea><a href="x"></textarea>',
        '<TITLE><a href="x"></TITLE >',
        '<xmp><a href="x"></xmp>',
        '<title><a href="x">',
        '<plaintext></plaintext><a href="x">',
        '<p title="<a href=x>">',
        '< a href="x">',
        '<a href="x',
        '<a href="x"',
    ],
)
def test_these_are_no_links(text):
    assert find_targets(text) == []


@pytest.mark.parametrize(
    "text",
    [
        '<!--[if mso]><a href="x"></a><![endif]-->',
        '<!--[if (gte mso 9)|(IE)]>\n<a href="x"></a>\n<![endif]-->',
        '<!--[IF MSO]><v:roundrect href="x"/><![ENDIF] -->',
        '<!--[if !mso]><!--><a href="x"></a><!--<![endif]-->',
        '<![if !mso]><a href="x"></a><![endif]>',
        '<![what]><!x><a href="x"></a>',
        '<noscript><a href="x"></a></noscript>',
        '<script/><a href="x"></a>',
        '<title>a</title><a href="x"></a>',
        '<a data-ptrack=off><b></a><a href="x">',
        '<p data-ptrack="off"><p><a href="y"></p></p><a href="x">',
        '<img data-ptrack="off"><a href="x">',
        '<v:rect data-ptrack="off" href="y"/><a href="x">',
        '<!--[if mso]><p data-ptrack=off><a href="y"><![endif]--><a href="x">',
    ],
)
def test_these_are_links(text):
    assert find_targets(text) == ["x"]
    assert cut_values(text) == ["x"]


def test_switch_holds_inside_conditional_comments_too():
    text = (
        '<p data-ptrack="off"><!--[if mso]><a href="x"></p><![endif]--><a href="x"></p>'
    )
    assert find_targets(text) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<html><body>text", "</body></html>"),
        ("<HTML><BODY>text", "</BODY\n></HTML>"),
        ("<body>one</body><body>two", "</body>\n"),
        ("text", "</html>\n"),
        ("</html>text", "</body>"),
        ("text\n", ""),
        ("", ""),
        ("<body><!-- </body> -->", ""),
        ("<body><!--[if mso]></body><![endif]-->", ""),
        ("<body><textarea></body></textarea>", ""),
        ("<body>\r\n\r\né\U0001f600\n", "</body>"),
    ],
)
def test_pixel_belongs_at_the_end_of_the_body(before, after):
    assert read_outline(before + after).end == len(before)


@pytest.mark.parametrize("tag", ["body", "html"])
def test_whole_mail_can_be_off(tag):
    found = read_outline(f'<{tag} data-ptrack="off"><a href="x"></{tag}>')
    assert found.off
    assert found.hrefs == []
    assert not read_outline(f'<{tag} data-ptrack="on"><p data-ptrack="off">').off


def test_images_are_found():
    text = '<img src="a"><IMG SRC=b /><img><!--[if mso]><img src="c"><![endif]-->'
    assert [each.url for each in read_outline(text).images] == ["a", "b", "", "c"]


# -- all URLs -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<a href=a><img src='b'><td background=\"c\"><link href=d>", "abcd"),
        ("<p style='background: url(a)'><b style='URL( \"b\" ) url(&quot;c'>", "abc"),
        ('<v:fill src="a"/><IMG SRC="b">', "ab"),
        ("<a href=' \n a\t '><a href='&#98;'>", "ab"),
        ('<p data-ptrack="off"><a href="a" rel="unsubscribe"></p>', "a"),
        ('<img src="a"><!--[if mso]><a href="b"><![endif]--><img src="c">', "abc"),
        ('<!--[if !mso]><!--><a href="a"><!--<![endif]-->', "a"),
        ('<!-- <a href="x"> --><style><a href="x"></style><title><a href="x">', ""),
        ("<img src><a href=''><p style><p style='color: red'><p title='x'>x", ""),
    ],
)
def test_urls_are_found_in_all_attributes_that_mail_clients_use(text, found):
    assert find_urls(text) == list(found)


@pytest.mark.parametrize(
    "rest",
    [
        *("<y ", "<!-- note </body>", "<style>p {}", "<title>Hi</body>", "<? ", "</p "),
        *("<!doctype", "<plaintext>", '<a href="https://shop.example/>x</a></body>'),
    ],
)
def test_pixel_is_before_markup_without_an_end(rest: str):
    """Behind it, the pixel would be a part of it."""
    text = f"<html><body>Hi {rest}</html>"
    if rest in ("<y ", "</p ", "<? ", "<!doctype"):
        text = f"<html><body>Hi {rest}"
    assert text[read_outline(text).end :].startswith(rest)
