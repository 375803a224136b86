"""What starts a flow: the forms of `trigger`."""

from __future__ import annotations

import re
from datetime import date, time

from worker.domain.calendars.crontab import MACROS, fault_in, often
from worker.domain.calendars.seasons import FIRST_YEAR, LAST_YEAR
from worker.domain.conditions.valuetypes import ValueType
from worker.domain.conditions.vocabulary import Scope, Vocabulary, find_name, names_in
from worker.domain.triggers import (
    USUAL_TIME,
    CampaignTrigger,
    DateTrigger,
    EventTrigger,
    ScheduleTrigger,
    SeasonTrigger,
    SegmentTrigger,
    Trigger,
)
from worker.language.flow.events import EventNames
from worker.language.flow.offsets import offset
from worker.language.yaml.fields import Fields
from worker.language.yaml.mending import quoted
from worker.language.yaml.nodes import Node, Scalar, Sequence
from worker.language.yaml.scalars import duration, scalar, time_of_day, word
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean, listed

SHORT_TRIGGERS = ("purchase", "signup", "birthday")
# For each form the keys that may stand beside its own.
FORMS = {
    "event": ("within",),
    "date": ("offset", "every", "at", "zone"),
    "season": ("offset", "at", "zone"),
    "segment": (),
    "schedule": ("zone",),
}
BIRTHDAY = "customer.birthday"
_KEYS = tuple(dict.fromkeys([*FORMS, *(key for keys in FORMS.values() for key in keys)]))
_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_OTHER_DAY = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")
_CUSTOMERS = re.compile(r"customer\.[A-Za-z][A-Za-z0-9_]*")
EVERY = ("year", "once")


class TriggerReader:
    """Reads what starts a flow.

    Parameters:
        vocabulary: knows which events, fields, seasons and segments there are; None where that is not checked.
    """

    def __init__(self, report: Report, vocabulary: Vocabulary | None, events: EventNames) -> None:
        self._report = report
        self._vocabulary = vocabulary
        self._events = events

    def triggers(self, node: Node) -> tuple[Trigger, ...]:
        """Read one trigger, or a list of which any starts the flow."""
        if isinstance(node, Sequence) and not node.items:
            self._report.error(node, "'trigger' names nothing that starts the flow", "for example: trigger: purchase")
        found: dict[str, Trigger] = {}
        for item in node.items if isinstance(node, Sequence) else (node,):
            trigger = self._short(item) if isinstance(item, Scalar) else self._form(item)
            if trigger is None:
                continue
            name = str(trigger)
            if name in found:
                what = f"the event '{name}'" if isinstance(trigger, EventTrigger) else f"'{name}'"
                self._report.error(item, f"{what} starts this flow already; name it once")
            found.setdefault(name, trigger)
        return tuple(found.values())

    def _short(self, node: Scalar) -> Trigger | None:
        written = node.text
        if written == "birthday":
            return DateTrigger(BIRTHDAY, yearly=True)
        if written in SHORT_TRIGGERS:
            return EventTrigger(written)
        if self._events.known(written):
            message = f"only {listed(SHORT_TRIGGERS, 'and')} can stand alone; another event is named by 'event'"
            self._report.error(node, message, f"write: trigger: {{event: {written}}}")
            return None
        hint = did_you_mean(written, SHORT_TRIGGERS) or self._meant(written)
        message = f"there is no trigger '{written[:60]}'"
        self._report.error(node, message, hint or f"write {listed(SHORT_TRIGGERS)} or {{event: NAME}}")
        return None

    def _meant(self, written: str) -> str | None:
        """Return the form of a trigger that somebody wrote without its key."""
        known = self._vocabulary or Vocabulary()
        if _DAY.fullmatch(written) or _CUSTOMERS.fullmatch(written):
            return f"write: trigger: {{date: {written}}}"
        if written in (known.seasons or ()):
            return f"write: trigger: {{season: {written}}}"
        if written in (known.segments or ()):
            return f"write: trigger: {{segment: {written}}}"
        if fault_in(written) is None:
            return f"write: trigger: {{schedule: {quoted(written)}}}"
        return None

    def _form(self, node: Node) -> Trigger | None:
        fields = Fields(self._report, node, "a trigger", _KEYS, form="{event: cart.updated}")
        forms = [form for form in FORMS if form in fields]
        if len(forms) != 1:
            if forms:
                message = f"a trigger has one of {listed(FORMS)}, not {listed(forms, 'and')}"
                hint = "of several triggers make a list: trigger: [purchase, {season: tet}]"
                self._report.error(fields.key(forms[1]), message, hint)
            elif fields.nothing_told:
                message = f"a trigger needs one of {listed(FORMS)}"
                self._report.error(node, message, "for example {event: purchase}")
            return None
        form = forms[0]
        for key in fields:
            if key not in (form, *FORMS[form]):
                beside = FORMS[form]
                hint = f"beside it may stand {listed(beside, 'and')}" if beside else f"'{form}' stands alone"
                self._report.error(fields.key(key), f"'{key}' does not go with '{form}'", hint)
        return _READ[form](self, fields)

    def _event(self, fields: Fields) -> Trigger | None:
        within = fields.value("within")
        limit = None if within is None else duration(self._report, within, "'within'")
        event = self._events.read(fields)
        return EventTrigger(event, limit) if event else None

    def _date(self, fields: Fields) -> Trigger | None:
        node = fields.value("date")
        found = (
            None if node is None else scalar(self._report, node, "'date'", "a date in the customer's record or a day")
        )
        if found is None:
            return None
        if found.text[:1].isdigit():
            return self._campaign(fields, found)
        every = fields.value("every")
        yearly = every is not None and word(self._report, every, "'every'", EVERY) == "year"
        name = self._field(found)
        shift = offset(self._report, fields.value("offset"), within_a_year=yearly)
        at, by_shop = self._at(fields), self._by_shop(fields)
        return None if name is None else DateTrigger(name, shift, yearly, at, by_shop)

    def _campaign(self, fields: Fields, found: Scalar) -> Trigger | None:
        for key in ("offset", "every"):
            if key in fields:
                hint = "name the day itself; what returns each year is a season of config/seasons.yaml"
                self._report.error(fields.key(key), f"'{key}' does not go with a day: a campaign comes once", hint)
        at, by_shop = self._at(fields), self._by_shop(fields)
        parts, other = _DAY.fullmatch(found.text), _OTHER_DAY.fullmatch(found.text)
        if parts is None:
            meant = f"{other[3]}-{int(other[2]):02}-{int(other[1]):02}" if other else None
            hint = f"write: date: {meant}" if meant else "for example 2027-03-08, or customer.birthday"
            self._report.error(found, f"'{found.text[:40]}' is no day; write year, month and day", hint)
            return None
        try:
            day = date(*(int(part) for part in parts.groups()))
        except ValueError:
            self._report.error(found, f"the calendar has no {found.text}")
            return None
        if day.isoformat() != found.text:
            message = f"'{found.text}' is no day; write year, month and day"
            self._report.error(found, message, f"write: date: {day}")
        elif not FIRST_YEAR <= day.year <= LAST_YEAR:
            self._report.error(found, f"'{found.text}' is not between {FIRST_YEAR} and {LAST_YEAR}")
        return CampaignTrigger(day, at, by_shop)

    def _season(self, fields: Fields) -> Trigger | None:
        known = None if self._vocabulary is None else self._vocabulary.seasons
        name = self._named(fields, "season", known, "config/seasons.yaml")
        shift = offset(self._report, fields.value("offset"), within_a_year=True)
        at, by_shop = self._at(fields), self._by_shop(fields)
        return SeasonTrigger(name, shift, at, by_shop) if name else None

    def _segment(self, fields: Fields) -> Trigger | None:
        known = None if self._vocabulary is None else self._vocabulary.segments
        name = self._named(fields, "segment", known, "config/segments.yaml")
        return SegmentTrigger(name) if name else None

    def _schedule(self, fields: Fields) -> Trigger | None:
        node = fields.value("schedule")
        found = (
            None if node is None else scalar(self._report, node, "'schedule'", 'a crontab line such as "0 9 * * mon"')
        )
        by_shop = self._by_shop(fields)
        if found is None:
            return None
        line = " ".join(found.text.casefold().split())
        fault = fault_in(line)
        if fault is not None:
            meant = MACROS.get(line)
            hint = f'write: schedule: "{meant}"' if meant else 'for example "0 9 * * mon": each Monday at 9:00'
            self._report.error(found, f"'{found.text[:60]}' is no crontab line: {fault}", hint)
            return None
        if often(line):
            message = "this line comes more than once an hour, for everyone that 'when' holds for"
            self._report.warning(found, message, "the first field is the minute, the second the hour")
        return ScheduleTrigger(line, by_shop)

    def _named(self, fields: Fields, key: str, known: frozenset[str] | None, file: str) -> str | None:
        node = fields.value(key)
        found = None if node is None else scalar(self._report, node, f"'{key}'", f"a {key}'s name")
        if found is None or known is None or found.text in known:
            return None if found is None else found.text
        hint = did_you_mean(found.text, sorted(known))
        names = listed(sorted(known)[:12], "and")
        hint = hint or (f"{file} has {names}" if known else f"{file} declares them; there are none yet")
        self._report.error(found, f"there is no {key} '{found.text[:60]}'", hint)
        return None

    def _field(self, found: Scalar) -> str | None:
        """Read the name of a date in the customer's record."""
        written = found.text
        if self._vocabulary is None:
            return written
        known = find_name(tuple(written.split(".")), self._vocabulary, Scope())
        dates = {ValueType.DATE, ValueType.TIME}
        if known is not None and known.type in dates and _CUSTOMERS.fullmatch(written):
            return written
        names = names_in(self._vocabulary, Scope())
        fitting = [name for name, one in names.items() if one.type in dates and name.startswith("customer.")]
        hint = did_you_mean(written, fitting) or did_you_mean(f"customer.{written}", fitting)
        hint = (
            hint or f"dates are {listed(fitting, 'and')}; one of your own is declared in config/phin.yaml under fields"
        )
        if known is None:
            message = f"'{written[:60]}' is no date in the customer's record and no day such as 2027-03-08"
        elif not _CUSTOMERS.fullmatch(written):
            message = f"'{written[:60]}' is not in the customer's record"
        else:
            message = f"'{written}' is {known.type.described}, not a date"
        self._report.error(found, message, hint)
        return None

    def _at(self, fields: Fields) -> time:
        node = fields.value("at")
        found = None if node is None else time_of_day(self._report, node, "'at'")
        return found or USUAL_TIME

    def _by_shop(self, fields: Fields) -> bool:
        node = fields.value("zone")
        found = None if node is None else scalar(self._report, node, "'zone'", "'shop'")
        if found is not None and found.text != "shop":
            hint = "leave it out, and each customer's own zone counts; 'shop' makes it one moment for all"
            self._report.error(found, f"'zone' is 'shop', not '{found.text[:60]}'", hint)
        return found is not None


_READ = {
    "event": TriggerReader._event,
    "date": TriggerReader._date,
    "season": TriggerReader._season,
    "segment": TriggerReader._segment,
    "schedule": TriggerReader._schedule,
}
