"""What sets HTML in type: everything in a page is made visible and escaped here, not by a template, so that none forgets it."""

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from access_review.views import text
from access_review.views.families import family_of

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def typesetter(package: str) -> "Environment":
    """Return what sets the templates of a package; a name that is written wrong there is an error, and none goes in as it is."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "as_typed": _as_typed,
        "moment": text.moment,
        "day": text.day,
        "count": text.count,
        "span": text.span,
        "listed": text.listed,
        "by_reason": lambda unread: text.by_reason((part["subject"], part["reason"]) for part in unread),
        "at": datetime.fromisoformat,
        "family": family_of,
        "number": lambda value: f"{value:,}",
        "percent": lambda value: "not stated" if value is None else f"{value:.1%}",
    }
    made.globals |= {"between": text.between}
    return made


def _as_typed(words: str) -> Markup:
    """Give back into a field what somebody wrote there: a line break stays one, or it would be kept as another word."""
    return Markup("\n").join(text.visible(line) for line in words.replace("\r\n", "\n").split("\n"))


def _shown(value: Any) -> Any:
    return value if isinstance(value, Markup) else text.visible(str(value))
