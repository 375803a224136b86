"""The filters that a template may use: Jinja's harmless ones, and those that write money, dates and plurals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import update_wrapper
from html import unescape
from types import GeneratorType
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, Undefined, pass_context, pass_environment
from jinja2.filters import FILTERS
from jinja2.runtime import Context
from markupsafe import Markup, escape

from worker.delivery import formats
from worker.delivery.templates.errors import RenderLimitError
from worker.delivery.templates.limits import bounded, capped, counted, run_of
from worker.delivery.templates.links import FOLLOWABLE, LINKED, SURVEY, TRACKED
from worker.delivery.templates.pieces import words

# Left out: what makes HTML of values (safe, xmlattr, urlize, tojson), what makes text without bounds (center,
# indent, format, wordwrap, pprint, slice), what reaches into objects (attr) and what differs each time (random).
_OF_JINJA = words(
    "abs capitalize count dictsort e escape first float groupby int items join last length list lower map max min "
    "reject rejectattr replace reverse round select selectattr sort string striptags sum title trim truncate "
    "unique upper urlencode wordcount batch"
)
_GROWING = ("join", "replace")
_GATHERING = (
    "batch",
    "groupby",
    "join",
    "last",
    "list",
    "reverse",
    "sort",
    "sum",
)  # go through all before they show any
_NUMBERS = (int, float, Decimal)
_jinjas_sum: Callable[..., Any] = FILTERS["sum"]
Filters = dict[str, Callable[..., Any]]


def filters_for(language: str, currency: str) -> Filters:
    """Return the filters of one language, with the shop's currency as the one that amounts are in unless told."""
    filters: Filters = {name: FILTERS[name] for name in _OF_JINJA}
    filters.update({name: _capping(FILTERS[name]) for name in _GROWING})
    filters.update(default=default, d=default, round=_round, batch=_batch, urlencode=_urlencode)
    filters["sum"] = _sum
    filters.update({name: _gathering(filters[name]) for name in _GATHERING})
    filters.update(_writing(language, currency))
    filters.update({"_counted": pass_context(counted), "_capped": capped, TRACKED: pass_context(_tracked)})
    filters[LINKED] = pass_context(_tracked)
    filters[SURVEY] = pass_context(_survey)
    return filters


def default(value: Any, instead: Any = "", boolean: bool = False) -> Any:  # noqa: ARG001 - Jinja's third parameter
    """Return the value, or something else where it is missing, none or empty (0 and false are values)."""
    return instead if isinstance(value, Undefined) or value is None or value == "" else value


def _writing(language: str, currency: str) -> Filters:
    """Return the filters that write values as a language does."""

    def money(amount: Any, code: str | None = None) -> str:
        return formats.money(amount, code or currency, language)

    def number(value: Any) -> str:
        return formats.number(value, language)

    def plural(count: Any, one: str, other: str) -> str:
        return formats.plural(count, one, other, language)

    @pass_context
    def day(context: Context, value: Any, form: str = "long") -> str:
        moment = _moment(value)
        if isinstance(moment, datetime):
            moment = formats.local_day(moment, run_of(context).zone)
        return formats.long_date(moment, language, form)

    @pass_context
    def day_and_time(context: Context, value: Any, form: str = "medium") -> str:
        return formats.moment(_instant(value), run_of(context).zone, language, form)

    @pass_context
    def clock(context: Context, value: Any, form: str = "short") -> str:
        return formats.clock(_instant(value), run_of(context).zone, language, form)

    return {"money": money, "number": number, "plural": plural, "date": day, "datetime": day_and_time, "time": clock}


def _moment(value: Any) -> date:
    """Return a day or an instant; events bring both as text (`2027-03-01`, `2027-03-01T14:00:00+07:00`)."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError as error:
            raise formats.FormatError("this text is no date; write 2027-03-01 or 2027-03-01T14:00+07:00") from error
    if isinstance(value, date):
        return value
    raise formats.FormatError(f"a date is needed, not {type(value).__name__}")


def _instant(value: Any) -> datetime:
    moment = _moment(value)
    if isinstance(moment, datetime):
        return moment
    raise formats.FormatError("a day has no time; use 'date' for it")


def _tracked(context: Context, captured: str, number: int) -> str:
    """Turn a link's address, captured as it would be shown, into the one that is followed."""
    html = isinstance(captured, Markup)
    url = (unescape(str(captured)) if html else captured).strip()
    if url.startswith(("http://", "https://")):
        url = run_of(context).tracked(number, url)
    elif not url.startswith(FOLLOWABLE):
        raise formats.FormatError(f"link {number} leads to no http, https, mailto or tel address")
    return escape(url) if html else url


def _survey(context: Context, name: Any, mark: Any = None) -> str:
    """Return the address of the page that asks a question, with a mark chosen or with none."""
    if not isinstance(name, str) or not name.isascii() or not (mark is None or (isinstance(mark, int) and mark >= 0)):
        raise formats.FormatError(
            "'survey_url' takes the name of a survey and a mark, such as \"support\" | survey_url(5)"
        )
    return run_of(context).links.survey(name, mark)


def _capping(filter_: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter whose result may not be too long, called by Jinja as it calls the original."""

    def capping(*args: Any, **kwargs: Any) -> Any:
        return capped(filter_(*args, **kwargs))

    return update_wrapper(capping, filter_)  # takes the mark along by which Jinja knows what to pass


def _gathering(filter_: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that gathers no more than one value may hold; lists that are there already are small enough."""

    def gathering(*args: Any, **kwargs: Any) -> Any:
        return filter_(*(bounded(one) if isinstance(one, GeneratorType) else one for one in args), **kwargs)

    return update_wrapper(gathering, filter_)


@pass_environment
def _sum(environment: Environment, items: Any, attribute: str | int | None = None, start: Any = 0) -> Any:
    if start != 0 and not isinstance(start, _NUMBERS):
        raise RenderLimitError("'sum' is for numbers")
    return _jinjas_sum(environment, items, attribute, start)


def _urlencode(value: Any) -> str:
    """Encode a value for any part of an address; Jinja's own leaves `/`, which splits an order number in two."""
    if isinstance(value, str | int | Decimal):
        return quote(str(value), safe="")
    encoded: str = FILTERS["urlencode"](value)
    return encoded


def _round(value: float | Decimal, precision: int = 0, method: str = "common") -> float | Decimal:
    if not -12 <= precision <= 12:
        raise RenderLimitError("'round' goes to 12 digits")
    if isinstance(value, Decimal) and method == "common":
        return round(value, precision)
    rounded: float = FILTERS["round"](float(value), precision, method)
    return rounded


def _batch(value: Any, size: int, fill: Any = None) -> Any:
    if not 1 <= size <= 100:
        raise RenderLimitError("'batch' makes rows of 1 to 100")
    return FILTERS["batch"](value, size, fill)
