"""What is owed to the people whose mails are tracked."""

from typing import Any


def objects(request: Any) -> bool:
    """Tell whether a request says that its sender objects to being tracked.

    Args:
        request: With the headers in ``META``, as CGI has them.

    Returns:
        Whether it has ``Sec-GPC: 1`` (https://www.w3.org/TR/gpc/) or ``DNT: 1``
        (https://www.w3.org/TR/tracking-dnt/, which GPC follows).
    """
    return any(request.META.get(name) == "1" for name in ("HTTP_SEC_GPC", "HTTP_DNT"))
