"""Texts that OpenPGP has signed or encrypted: a change would break them."""

import re

# At the start of a line, or of an element of HTML. A quotation has marks before it.
_ARMOR = re.compile(
    r"(?:^|[\r>])(?:[ \t>|\xa0\u200b\ufeff]|&gt;|&nbsp;|- ){0,40}-----BEGIN PGP [A-Z]",
    re.MULTILINE,
)


def has_armor(text: str) -> bool:
    """Return whether there is an ASCII armor in a text, plain or HTML.

    Args:
        text: The text, decoded. The armor of a message, a signed message or a
            signature begins with ``-----BEGIN PGP``, at the start of a line (RFC 9580,
            sections 6.2 and 7).
    """
    return _ARMOR.search(text) is not None
