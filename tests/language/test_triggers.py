"""The forms of `trigger`, and what is told of those that cannot be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

import pytest

from tests.language.samples import VOCABULARY
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.durations import parse_duration
from worker.domain.errors import FileError, Problem
from worker.domain.flows import Flow, Once, OnceKind
from worker.domain.settings import Settings
from worker.domain.triggers import (
    CampaignTrigger,
    DateTrigger,
    EventTrigger,
    ScheduleTrigger,
    SeasonTrigger,
    SegmentTrigger,
)
from worker.language.flow.flows import read_flow

OWN = {"renewal": "date", "visit": "time", "points": "number"}
KNOWN = replace(
    Vocabulary.of(Settings.model_validate({"fields": OWN}), flows=["gift"]),
    seasons=frozenset({"tet", "mid-autumn"}),
    segments=frozenset({"lapsed", "loyal"}),
)


def read(trigger: str, *lines: str, vocabulary: Vocabulary | None = KNOWN) -> tuple[Flow, tuple[Problem, ...]]:
    text = "\n".join(["flow: gift", f"trigger: {trigger}", *lines, "steps: [{send: gift}]", ""])
    return read_flow(text, "gift.yaml", vocabulary)


def told(trigger: str, *lines: str) -> list[str]:
    try:
        _, problems = read(trigger, *lines)
    except FileError as error:
        problems = error.problems
    return [f"{one.message}" + (f"; {one.hint}" if one.hint else "") for one in problems]


GOOD = {
    "birthday": (DateTrigger("customer.birthday", yearly=True), OnceKind.YEAR),
    '{date: customer.birthday, offset: -3 days, every: year, at: "08:30"}': (
        DateTrigger("customer.birthday", parse_duration("-3 days"), True, time(8, 30)),
        OnceKind.YEAR,
    ),
    "{date: customer.last_order_at, offset: 60 days}": (
        DateTrigger("customer.last_order_at", parse_duration("60 days")),
        OnceKind.ORDER,
    ),
    "{date: customer.renewal, every: once, zone: shop}": (
        DateTrigger("customer.renewal", by_shop=True),
        OnceKind.ORDER,
    ),
    "{date: customer.visit, offset: -1 week}": (
        DateTrigger("customer.visit", parse_duration("-1 week")),
        OnceKind.ORDER,
    ),
    "{date: 2027-03-08}": (CampaignTrigger(date(2027, 3, 8)), OnceKind.EVER),
    '{date: "2027-03-08", at: "10:00", zone: shop}': (
        CampaignTrigger(date(2027, 3, 8), time(10), True),
        OnceKind.EVER,
    ),
    '{season: tet, offset: -21 days, at: "08:30"}': (
        SeasonTrigger("tet", parse_duration("-21 days"), time(8, 30)),
        OnceKind.SEASON,
    ),
    "{segment: lapsed}": (SegmentTrigger("lapsed"), OnceKind.EVER),
    '{schedule: "0 9 * * mon"}': (ScheduleTrigger("0 9 * * mon"), OnceKind.EVENT),
    "{schedule: 0  9 * * MON}": (ScheduleTrigger("0 9 * * mon"), OnceKind.EVENT),
}


@pytest.mark.parametrize(("written", "expected"), GOOD.items(), ids=GOOD.keys())
def test_each_form_is_read(written: str, expected: tuple[object, OnceKind]) -> None:
    """Given a trigger, when it is read, then it is that trigger, and `once` is the usual of it."""
    flow, problems = read(written)
    assert problems == ()
    assert (flow.triggers, flow.once) == ((expected[0],), Once(expected[1]))
    again, _ = read(written, vocabulary=None)
    assert again.meaning == flow.meaning


def test_a_list_may_mix_them() -> None:
    """Given triggers of several kinds, when they are read, then each keeps its own rule of entry."""
    flow, _ = read("[purchase, birthday, {season: tet}]")
    assert [type(trigger) for trigger in flow.triggers] == [EventTrigger, DateTrigger, SeasonTrigger]
    assert flow.once == Once(OnceKind.EACH)
    seasons, _ = read("[{season: tet}, {season: mid-autumn}]", "once: per season")
    assert seasons.once == Once(OnceKind.SEASON)


def test_defaults_written_out_make_no_other_meaning() -> None:
    """Given the short form and the long one, when both are read, then they mean the same."""
    short, _ = read("birthday")
    long, _ = read('{date: customer.birthday, every: year, offset: 0 days, at: "09:00"}', "once: per year")
    assert short.meaning == long.meaning


BAD = {
    "{season: tett}": "there is no season 'tett'; did you mean 'tet'?",
    "{season: easter}": "there is no season 'easter'; config/seasons.yaml has 'mid-autumn' and 'tet'",
    "{segment: lapsd}": "there is no segment 'lapsd'; did you mean 'lapsed'?",
    "{date: customer.birthdy}": (
        "'customer.birthdy' is no date in the customer's record and no day such as 2027-03-08; "
        "did you mean 'customer.birthday'?"
    ),
    "{date: birthday}": (
        "'birthday' is no date in the customer's record and no day such as 2027-03-08; "
        "did you mean 'customer.birthday'?"
    ),
    "{date: now}": "'now' is not in the customer's record",
    "{date: customer.points}": "'customer.points' is a number, not a date",
    "{date: 2027-02-30}": "the calendar has no 2027-02-30",
    "{date: 2027-3-8}": "'2027-3-8' is no day; write year, month and day; write: date: 2027-03-08",
    "{date: 8/3/2027}": "'8/3/2027' is no day; write year, month and day; write: date: 2027-03-08",
    "{date: 2027-03-08, every: year}": "'every' does not go with a day: a campaign comes once",
    "{date: customer.birthday, every: month}": "'every' is 'year' or 'once', not 'month'",
    "{date: customer.birthday, every: yeer}": "'every' is 'year' or 'once', not 'yeer'; did you mean 'year'?",
    "{season: tet, offset: -3d}": (
        "'-3d' is no offset; write a whole number and a unit, with '-' for before; did you mean '-3 days'?"
    ),
    "{season: tet, offset: 3 days before}": (
        "'3 days before' is no offset; write a whole number and a unit, with '-' for before; did you mean '-3 days'?"
    ),
    "{season: tet, offset: 3 ngày trước}": (
        "'3 ngày trước' is no offset; write a whole number and a unit, with '-' for before; did you mean '-3 days'?"
    ),
    "{season: tet, offset: -2 hours}": (
        "'offset' is counted in days, weeks, months or years; the time of day is said by 'at'; "
        'for example offset: -1 day and at: "18:00"'
    ),
    "{season: tet, offset: -2 years}": "'offset' is at most a year, not '-2 years'",
    "{season: tet, every: year}": "'every' does not go with 'season'; beside it may stand 'offset', 'at' and 'zone'",
    '{season: tet, at: "25:00"}': "'25:00' is no time of day; write hours and minutes",
    "{season: tet, zone: Asia/Tokyo}": "'zone' is 'shop', not 'Asia/Tokyo'",
    "{segment: loyal, at: 9:00}": "'at' does not go with 'segment'; 'segment' stands alone",
    "{season: tet, segment: loyal}": (
        "a trigger has one of 'event', 'date', 'season', 'segment' or 'schedule', not 'season' and 'segment'"
    ),
    '{schedule: "@weekly"}': (
        "'@weekly' is no crontab line: it has 1 fields, not five (minute, hour, day of the month, month, weekday); "
        'write: schedule: "0 9 * * mon"'
    ),
    '{schedule: "0 25 * * *"}': "'0 25 * * *' is no crontab line: its hour cannot be read",
    '{schedule: "* * * * *"}': "this line comes more than once an hour, for everyone that 'when' holds for",
    "tet": "there is no trigger 'tet'; write: trigger: {season: tet}",
    "lapsed": "there is no trigger 'lapsed'; write: trigger: {segment: lapsed}",
    "2027-03-08": "there is no trigger '2027-03-08'; write: trigger: {date: 2027-03-08}",
    "0 9 * * mon": "there is no trigger '0 9 * * mon'; write: trigger: {schedule: \"0 9 * * mon\"}",
    "customer.birthday": "there is no trigger 'customer.birthday'; write: trigger: {date: customer.birthday}",
    "birthdai": "there is no trigger 'birthdai'; did you mean 'birthday'?",
    "[birthday, birthday]": "'customer.birthday every year at 09:00' starts this flow already; name it once",
    "{date: }": "'date' has no value",
    "{seson: tet}": "unknown key 'seson' in a trigger; did you mean 'season'?",
}


@pytest.mark.parametrize(("written", "expected"), BAD.items(), ids=BAD.keys())
def test_a_wrong_trigger_is_told_with_what_to_write(written: str, expected: str) -> None:
    """Given one wrong trigger, when it is read, then that alone is told, and what to write instead."""
    problems = told(written)
    assert len(problems) == 1
    assert problems[0].startswith(expected)


def test_what_there_is_follows_from_the_triggers() -> None:
    """Given a trigger of the clock, when a condition names an event or order, then only a date of an order has one."""
    assert "there is no order here" in told("birthday", "when: order.total > 1")[0]
    assert "there is no event here" in told("birthday", 'when: event.type == "x"')[0]
    assert told("{date: customer.last_order_at, offset: 30 days}", "when: order.total > 1") == []
    assert told("[birthday, purchase]", "when: order.total > 1") == []


def test_without_a_vocabulary_nothing_is_called_unknown() -> None:
    """Given a published version whose season was since taken away, when it is read to run, then it can be read."""
    flow, problems = read("{season: gone}", vocabulary=None)
    assert (flow.triggers, problems) == ((SeasonTrigger("gone"),), ())
    assert read("{season: gone}", vocabulary=VOCABULARY)[1] == ()  # which seasons there are is not known there
