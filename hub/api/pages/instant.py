"""Pages of the past: every link and form of a page keeps the instant for which the page was asked."""

import re
from html import escape, unescape
from urllib.parse import parse_qsl, urlencode

from hub.api.moment import PARAMETER, Moment

# What is marked with data-present leads to the present on purpose.
_LINK = re.compile(
    r'(?<!data-present )\b(href|action)="(/(?!static/|login|logout)[^"?#]*)?(\?[^"#]*)?(#[^"]*)?"'
)
_ASKING_FORM = re.compile(r'<form(?![^>]*data-present)[^>]*method="get"[^>]*>')
_JUDGING_FORM = re.compile(r'<form(?=[^>]*method="post")(?![^>]*action="/logout")')


def keep_instant(page: str, moment: Moment | None) -> str:
    """Give a page whose links and forms lead to the same instant; forms that change something are off."""
    if moment is None or not moment.is_past:
        return page
    instant = escape(moment.asked, quote=True)
    page = _LINK.sub(lambda found: _keep_in_link(found, moment), page)
    hidden = f'<input type="hidden" name="{PARAMETER}" value="{instant}">'
    page = _ASKING_FORM.sub(lambda found: found[0] + hidden, page)
    return _JUDGING_FORM.sub('<form inert title="Judge in the present"', page)


def _keep_in_link(found: re.Match[str], moment: Moment) -> str:
    attribute, path, query, place = found.groups(default="")
    if not path and not query:
        return found[0]  # a place on this page
    asked = [one for one in parse_qsl(unescape(query[1:]), keep_blank_values=True) if one[0] != PARAMETER]
    whole = escape(urlencode([*asked, (PARAMETER, moment.asked)]), quote=True)
    return f'{attribute}="{path}?{whole}{place}"'
