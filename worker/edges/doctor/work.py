"""The work: what is late, stuck or unknown, what failed lately and why, what waits in files."""

from __future__ import annotations

import fcntl
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, func, literal_column, select

from worker.domain.messages import MessageState
from worker.edges.doctor.findings import Finding, Findings, fault, fine, note, span, warning
from worker.edges.doctor.patient import Patient
from worker.edges.moments import counted
from worker.edges.spooled import spooled
from worker.storage.flowbook import Catalogue, FlowBook
from worker.storage.ledger import stands
from worker.storage.overview import WENT_WRONG
from worker.storage.tables import message
from worker.storage.tallying import reason_of
from worker.storage.troubles import Trouble, TroubleKind, troubles
from worker.storage.vital_signs import MOST, VitalSigns, vital_signs

LATE, VERY_LATE = 60.0, 600.0  # seconds that due work waits where all is well: none to speak of
PATIENCE = {"marketing": VERY_LATE}  # what waits by the hundred thousand
LEASE_OVER = 60.0  # seconds after which somebody should have taken it back
LATELY = timedelta(days=1)
SPOOL_OLD = 120.0  # seconds
MOST_TOLD = 4
MOST_SAID = 160  # characters of a reason
SUSPECT = 1  # crashes of senders; the second is no accident
ABANDONED_AFTER = 30.0  # seconds; a clock reads the journal of a dead sender within five
_WHO = {
    "event": ("events", "are not processed", "phin worker, or phin clock"),
    "journey": ("journeys", "are not taken on", "phin worker, or phin clock"),
    "transactional": ("mails", "are not sent", "phin relays tells what they wait for; else phin worker, or phin clock"),
    "marketing": (
        "campaigns",
        "are not sent yet",
        "a large one takes its time; phin relays, phin worker for more at once",
    ),
    "hit": ("opens and clicks", "are not classed", "phin worker, or phin clock"),
    "webhook": ("webhooks", "are not sent", "phin webhooks; phin worker, or phin clock"),
    "reminder": ("reminders of tasks", "are not written", "phin clock"),
    "turn": ("turns of triggers", "have not entered everybody", "phin clock; its log tells what keeps it"),
}


def waiting(patient: Patient) -> Findings:
    """Look at what is due, in hand, unknown or set aside."""
    book = FlowBook()
    with patient.reading() as connection:
        catalogue = book.follow(connection)
        signs = vital_signs(connection, catalogue, patient.now(), datetime.now(UTC))
    yield from due(signs)
    yield from stuck(signs)
    yield from held(catalogue)


def due(signs: VitalSigns) -> Findings:
    """Judge for how long the oldest work has been due."""
    late = {kind: seconds for kind, seconds in signs.due.items() if seconds > PATIENCE.get(kind, LATE)}
    for kind, seconds in late.items():
        who, what, remedy = _WHO[kind]
        level = fault if seconds > VERY_LATE and kind not in PATIENCE else warning
        yield level("work.due", who, f"some {what}: the oldest has been due for {span(seconds)}", remedy)
    if not late:
        yield fine("work.due", "due", "nothing that could be done waits for more than a minute")


def stuck(signs: VitalSigns) -> Findings:
    """Judge what a sender has in hand, what nobody knows, and what was set aside."""
    if signs.lease_over > LEASE_OVER:
        said = f"mails of a dead sender are in hand, the first for {span(signs.lease_over)} beyond its lease"
        yield fault("work.stuck", "in hand", said, "phin clock takes them back within seconds: is it running?")
    else:
        yield fine("work.stuck", "in hand", f"{counted(signs.claimed + signs.transmitting, 'mail')}, none forgotten")
    if signs.unknown:
        said = f"{_many(signs.unknown)} handed over and not answered, the oldest {span(signs.unknown_for)} ago"
        yield warning("work.unknown", "unknown", said, "phin unknown lists them: look into the relay's log, and settle")
    else:
        yield fine("work.unknown", "unknown", "the outcome of every mail is known")
    if signs.refused_events:
        said = f"{_many(signs.refused_events)} set aside: they could not be processed"
        yield warning(
            "work.events", "events", said, "the shop's first page tells why; phin why CUSTOMER of one customer"
        )


def _many(count: int) -> str:
    return f"{count:,} or more" if count >= MOST else f"{count:,}"


def held(catalogue: Catalogue) -> Findings:
    """Tell what is paused: nobody should wonder why nothing goes out."""
    if catalogue.all_held:
        yield warning("work.paused", "paused", "everything: nobody enters, and nothing is sent", "phin resume --all")
    elif catalogue.held:
        yield note("work.paused", "paused", f"flows of which nothing is sent: {', '.join(sorted(catalogue.held))}")


def failed(patient: Patient) -> Findings:
    """Look at what went wrong in the last day."""
    now = patient.now()
    with patient.reading() as connection:
        found = troubles(connection, now - LATELY)
        reasons = _reasons(connection, now - LATELY)
        suspects = _suspects(connection)
    if reasons:
        total = sum(reasons.values())
        why = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common(MOST_TOLD))
        remedy = "phin report; phin why CUSTOMER of one, docs/operations.md of many"
        yield warning("work.failed", "failed", f"{counted(total, 'mail')} in the last 24 h: {why}", remedy)
    if suspects:
        said = f"{counted(suspects, 'mail')} had senders die more than once; each is sent alone, and set aside at last"
        yield warning("work.suspects", "suspects", said, "look into the workers' logs for what they died of")
    rest = [one for one in found if one.kind in (TroubleKind.JOURNEY, TroubleKind.CIRCLE, TroubleKind.REPORT)]
    for one in rest[:MOST_TOLD]:
        yield _trouble(one)
    if not reasons and not suspects and not rest:
        yield fine("work.failed", "failures", "none in the last 24 hours")


def _trouble(one: Trouble) -> Finding:
    times = f" ({one.times} times)" if one.times > 1 else ""
    if one.kind is TroubleKind.CIRCLE:
        said = f"flows start each other in a circle, which was stopped: {one.what}{times}"
        return warning("work.circle", "circle", said, "give one of them a once or a when that ends it; phin check")
    if one.kind is TroubleKind.REPORT:
        said = f"a report of a returned mail could not be read: {one.reason[:MOST_SAID]}{times}"
        return warning("work.report", "report", said, "phin bounces --unread; where a person wrote it, answer them")
    why = f"phin why {one.customer}" if one.customer else "phin check"
    said = f"{one.flow} at {one.what or 'its beginning'} could not go on: {one.reason[:MOST_SAID]}{times}"
    return warning("work.journey", "journey", said, f"{why}; then mend the flow")


def _reasons(connection: Connection, since: datetime) -> Counter[str]:
    """Return how many mails failed since then, by reason, from the index over them."""
    asked = (
        select(message.c.reason, func.count())
        .where(WENT_WRONG, stands(MessageState.FAILED), message.c.settled_at >= since)
        .group_by(message.c.reason)
    )
    found: Counter[str] = Counter()
    for reason, count in connection.execute(asked):
        found[reason_of(MessageState.FAILED, reason)] += count
    return found


def _suspects(connection: Connection) -> int:
    any_crash = message.c.crashes > literal_column("0")  # written out, for the index over these alone
    crashed = (stands(MessageState.QUEUED), any_crash, message.c.crashes > SUSPECT)
    return int(connection.execute(select(func.count()).select_from(message).where(*crashed)).scalar_one())


def files(patient: Patient) -> Findings:
    """Look at what waits in files of this machine: hits for the database, journals of dead senders."""
    var = patient.settings.var
    try:
        waiting_files, oldest = spooled(var / "spool")
    except OSError as error:
        remedy = "let the user that runs Phin read it"
        yield fault("work.spool", "spool", f"it cannot be read: {error.strerror or error}", remedy)
        return
    if oldest > SPOOL_OLD:
        said = f"{counted(waiting_files, 'file')} of opens, clicks and refusals wait, the oldest for {span(oldest)}"
        yield warning("work.spool", "spool", said, "start phin web, which reads them back; nothing of them is lost")
    else:
        yield fine("work.spool", "spool", "what is answered reaches the database")
    yield from journals(var / "journals")


def journals(folder: Path) -> Findings:
    """Look for journals whose senders are dead: the clock of this machine reads them."""
    left = sum(_is_abandoned(path) for path in folder.glob("*.journal")) if folder.is_dir() else 0
    if left:
        said = f"{counted(left, 'journal')} of dead senders are here, and nobody has read them"
        remedy = "start phin clock on this machine: only here they tell what was sent, before leases make it unknown"
        yield warning("work.journals", "journals", said, remedy)


def _is_abandoned(path: Path) -> bool:
    """Say whether nobody holds a journal, though it has lain there for longer than a clock needs to find it."""
    try:
        with path.open("rb") as file:
            if time.time() - path.stat().st_mtime < ABANDONED_AFTER:
                return False
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # let go of at once: its owner, or a clock, comes first
            return True
    except OSError:
        return False
