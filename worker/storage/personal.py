"""What every table and every column holds of a person, and what becomes of it when the person is erased.

Whoever adds a table or a column adds its line here; `tests/storage/test_personal.py` fails without it. Export and
erasure (`worker.storage.disclosure`, `worker.storage.erasure`) do what stands here and know hardly a table themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Whose(StrEnum):
    """By what a table's rows are found to be a person's."""

    NOBODY = "nobody"  # it holds nothing of customers
    SELF = "self"  # `id` is our number of the customer
    CUSTOMER = "customer"  # `customer_id`
    ADDRESS = "address"  # `email`, and where the table has it `message_id`
    EVENT = "event"  # the events themselves: by customer, or while they wait by what names the customer
    EVENT_ID = "event_id"
    ORDER_ID = "order_id"
    JOURNEY_ID = "journey_id"
    MESSAGE = "message"  # the mails themselves: to the customer, of their journeys, and to staff about their tasks
    MESSAGE_ID = "message_id"
    TASK_ID = "task_id"


@dataclass(frozen=True, slots=True)
class Held:
    """One table: every column stands in exactly one of `keep`, `blank`, `told`, `scrub`, `hashed`, `only`, `delete`.

    Parameters:
        title: what an export calls its rows.
        whose: by what they are found.
        keep: columns that stay: figures, times, states, our own numbers, the shop's numbers of orders and cases.
        blank: columns that are emptied, with the value that says so.
        told: texts of servers and errors, emptied where the row's `state` is one of those that keep them.
        scrub: texts that are another's key and stay, unless they hold what names the person: a keyed hash stands then.
        hashed: columns in whose place a keyed hash stands.
        only: JSON columns of which these keys stay.
        delete: columns of rows that go as a whole.
        hidden: columns that say nothing to a person, left out of an export.
    """

    title: str
    whose: Whose
    keep: frozenset[str] = frozenset()
    blank: Mapping[str, Any] = field(default_factory=dict)
    told: frozenset[str] = frozenset()
    scrub: frozenset[str] = frozenset()
    hashed: frozenset[str] = frozenset()
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)
    delete: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()

    @property
    def columns(self) -> list[str]:
        """Every column that it decides about; one named twice stands twice."""
        named = (self.keep, self.blank, self.told, self.scrub, self.hashed, self.only, self.delete)
        return sorted(column for group in named for column in group)


TOLD_IN = ("failed", "bounced", "complained", "refused", "unknown", "queued")  # states whose row may quote a value


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _nobody(columns: str) -> Held:
    """A table that holds nothing of customers."""
    return Held("", Whose.NOBODY, keep=_words(columns))


HELD: Mapping[str, Held] = {
    "customer": Held(
        "profile",
        Whose.SELF,
        keep=_words("id created_at updated_at orders_count total_spent first_order_at last_order_at erased_at")
        | {"merged_into"},
        blank={
            "external_id": None,
            "email": None,
            "name": None,
            "first_name": None,
            "phone": None,
            "birthday": None,
            "language": None,
            "timezone": None,
            "address": {},
            "fields": {},
            "tags": [],
            "written": {},
            "profile_at": None,
            "last_opened_at": None,
            "last_clicked_at": None,
            "alive": None,
            "predicted_next_order_at": None,
        },
    ),
    "address": Held(
        "addresses",
        Whose.ADDRESS,
        delete=_words(
            "email marketing marketing_at marketing_anew tracking tracking_at tracking_anew suppressed suppressed_at"
            " marketing_suppressed marketing_suppressed_at marketing_suppressed_by topics_out frequency paused_until"
        ),
    ),
    # That somebody agreed, to what and when stays as proof; who it was can be shown by whoever knows the address.
    "consent_change": Held(
        "consents",
        Whose.ADDRESS,
        keep=_words("id purpose state at anew source wording event_id"),
        hashed=_words("email"),
        only={"proof": _words("event message")},
    ),
    "event": Held(
        "events",
        Whose.EVENT,
        keep=_words(
            "id source type occurred_at received_at history content_hash state attempts not_before customer_id"
            " order_number request chain root"
        ),
        scrub=_words("external_id"),  # that the same event sent again is known
        blank={"customer_key": None, "email_key": None, "payload": {}, "reason": None},
        hidden=_words("content_hash attempts not_before customer_key email_key"),
    ),
    # The shop's books need the order: numbers, amounts and what was bought stay, as its reports count them.
    "orders": Held(
        "orders",
        Whose.CUSTOMER,
        keep=_words("id number customer_id total currency status status_at placed_at refunded counted told"),
        blank={"coupon": None},
        hidden=_words("told"),
    ),
    "order_line": Held(
        "order_lines", Whose.ORDER_ID, keep=_words("order_id position sku name category quantity price")
    ),
    "order_status": Held("order_statuses", Whose.ORDER_ID, keep=_words("id order_id status at event_id")),
    "journey": Held(
        "journeys",
        Whose.CUSTOMER,
        keep=_words(
            "id flow version_id customer_id state step due_at look_at turn entered_at first_at ended_at event_id"
            " order_number request look_again withdrawn attempts"
        ),
        hashed=_words("once_key"),  # may hold a birthday
        blank={"day": None, "turn_at": None},
        told=_words("reason"),
        hidden=_words("look_at look_again attempts"),
    ),
    "trace": Held(
        "decisions",
        Whose.JOURNEY_ID,
        keep=_words("journey_id number at kind step"),
        only={"detail": _words("way")},  # by which flows are drawn with their figures
    ),
    "event_trace": Held("flows_asked", Whose.CUSTOMER, delete=_words("event_id customer_id at flows")),
    "circle": Held("circles", Whose.EVENT_ID, keep=_words("event_id flow way at")),
    "goal": Held(
        "goals",
        Whose.JOURNEY_ID,
        keep=_words("journey_id flow message_id event_id") | _words("order_number amount currency at"),
    ),
    "credit": Held(
        "credits",
        Whose.JOURNEY_ID,
        keep=_words("order_number flow step message_id journey_id by touched_at placed_at"),
    ),
    "outcome": Held("outcomes", Whose.JOURNEY_ID, keep=_words("journey_id event_id order_number amount currency at")),
    "message": Held(
        "mails",
        Whose.MESSAGE,
        keep=_words(
            "id key customer_id staff task_id journey_id flow step kind template order_number state created_at"
            " not_before expires_at attempts crashes claim lease_until transmitting_at sent_at settled_at language"
            " template_hash tracked message_id relay code opened_at clicked_at"
        ),
        blank={"email": None, "subject": None, "values": {}, "answer": None},
        told=_words("reason"),
        hidden=_words("key claim lease_until crashes attempts template_hash"),
    ),
    "hit": Held(
        "opens_and_clicks",
        Whose.MESSAGE_ID,
        keep=_words("id key message_id kind link at class reason program device"),
        blank={"url": None, "user_agent": None, "headers": {}, "ip_hash": None},
        hidden=_words("key"),
    ),
    # A code stays, so that it is never given to another; it names nobody.
    "coupon": Held(
        "coupons",
        Whose.CUSTOMER,
        keep=_words(
            "id name code loaded percent amount currency expires_at made_at customer_id journey_id step turn given_at"
            " redeemed_at order_number"
        ),
    ),
    "segment_member": Held("segments", Whose.CUSTOMER, delete=_words("segment customer_id since")),
    "segment_mark": Held(
        "segment_marks", Whose.CUSTOMER, delete=_words("id customer_id quiet"), hidden=_words("id quiet")
    ),
    "date_mark": Held("date_marks", Whose.CUSTOMER, delete=_words("id customer_id field"), hidden=_words("id")),
    "stock": _nobody("sku available quantity told_at"),
    "survey_answer": Held(
        "survey_answers",
        Whose.CUSTOMER,
        keep=_words("id message_id customer_id survey flow score answered_at changed_at version"),
        blank={"comment": None},
    ),
    "task": Held(
        "staff_tasks",
        Whose.CUSTOMER,
        keep=_words(
            "id key state type priority customer_id order_number request journey_id flow step turn role assignee"
            " created_at due_at snoozed_until snoozes watches look_again closed_at closed_by outcome"
        ),
        blank={"title": {}, "note": {}, "remark": None},
        hidden=_words("key watches look_again"),
    ),
    "task_reminder": Held(
        "task_reminders",
        Whose.TASK_ID,
        keep=_words("id task_id kind nth to wanted_at due_at settled_at message_id"),
    ),
    "request": Held(
        "support_requests",
        Whose.CUSTOMER,
        keep=_words("number customer_id order_number channel opened_at due_at closed_at closed_by"),
        blank={"subject": None},
    ),
    "webhook": Held(
        "webhooks",
        Whose.CUSTOMER,
        keep=_words(
            "id key flow step journey_id customer_id state created_at not_before attempts claim settled_at code"
        ),
        blank={"url": "", "body": "", "answer": None},
        hidden=_words("key claim attempts"),
    ),
    # What came back stays a figure; what it quotes goes, and whose it was is a keyed hash.
    "bounce": Held(
        "returned_mails",
        Whose.ADDRESS,
        keep=_words("id key source received_at state class reason status message_id matched why size"),
        blank={"diagnostic": None, "raw": None},
        hashed=_words("email"),
        hidden=_words("key raw"),
    ),
    "bounce_mailbox": _nobody("name validity uid read_at failed_at failure"),
    "provider_token": _nobody("token digest at"),
    "flow": _nobody("name version_id status paused_at changed_at"),
    "flow_version": _nobody(
        "id flow number meaning source published_at goal_event goal_within holdout compared_within"
    ),
    "switch": _nobody("name value changed_at"),
    # Answers stand there with a mask in place of each address.
    "breaker": _nobody("relay domain state strikes opened until message_id code answer since changed_at"),
    "rate": _nobody("key free_at line_at taken"),
    "relay_answer": _nobody("relay outcome code answer at"),
    "prediction": _nobody("id fitted_at buyers r alpha a b"),
    "publication": _nobody(
        "id flow version_id status before_version_id before_status change at by taken_back_at taken_back_by held"
    ),
    "process": _nobody("token name host pid started_at seen_at catalogue version"),
    "figure": _nobody("name labels value"),
    "tally": _nobody("name number seen at"),
    "segment": _nobody(
        "name number position expression meaning title about published_at gone_at filled pass_at reached checked_at"
    ),
    "occurrence": _nobody("id flow trigger zone turn moment state reached entered found_at ended_at"),
    "trigger_start": _nobody("flow trigger since"),
    "rotation": _nobody("role person"),
    "erased": _nobody("hash kind ring at lifted_at"),
    "retention": _nobody("rule floor reached held begun_at ended_at cleared cleared_in_all"),
    "audit": _nobody("id at way who action on detail"),
    "staff_digest": _nobody("person day at message_id"),
}
"""A line for each table; those of `_nobody` hold at most the names of staff."""
