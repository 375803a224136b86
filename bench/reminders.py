"""How late reminders of tasks come, while events come in.

    python -m bench.reminders [--tasks 300] [--seconds 60] [--rate 10] [--postgres]

Tasks are given out whose reminders are due one after the other over the time of the measure; meanwhile purchases are
reported at a steady rate, each with its confirmation. Measured is the time from when a reminder is due to when its
mail was taken. The clock looks for reminders every five seconds, so half of that is the least to be expected.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from bench.latency import Reporter
from bench.support.homes import ask_for_database, database_of, house, make_home
from tests.support.phin_up import PhinUp, phin_up
from tests.support.visitor import Visitor
from worker.domain.tasks import Priority, Reminder, ReminderKind, TaskType
from worker.storage import reminders, tasks
from worker.storage.database import Database
from worker.storage.tables import customer, message, task_reminder
from worker.storage.tasks import NewTask

SOON = 5.0  # seconds until the first reminder is due
TOLD_WITHIN = 300.0  # seconds that the last mail may take
STAFF = """
hours: {mon-sun: "00:00-23:59"}
people:
  mai: {name: Nguyễn Thị Mai, email: mai@the-coffee.example}
  huy: {name: Trần Quang Huy, email: huy@the-coffee.example}
  linh: {name: Lê Khánh Linh, email: linh@the-coffee.example}
roles: {care: [mai, huy], manager: [linh]}
"""


def give_out(database: Database, count: int, seconds: int) -> None:
    """Give out tasks, each with one reminder, due one after the other."""
    with database.writing() as connection:
        someone = connection.execute(select(customer.c.id).limit(1)).scalar_one()
        now = datetime.now(UTC)
        for place in range(count):
            due = now + timedelta(seconds=SOON + seconds * place / count)
            who = ("mai", "huy", "linh")[place % 3]
            title = {"": f"Gọi {place}"}
            to_do = due + timedelta(hours=1)
            new = NewTask(
                f"bench:{place}", TaskType.CALL, Priority.NORMAL, title, customer_id=someone, assignee=who, due_at=to_do
            )
            number = tasks.add(connection, new, now)
            assert number is not None
            reminders.add(connection, number, [Reminder(ReminderKind.BEFORE, 1, due, due)])


def measure(up: PhinUp, database: Database, options: argparse.Namespace, settings: dict[str, str]) -> list[float]:
    """Return by how many seconds each reminder was late."""
    reporter = Reporter(Visitor(up, **settings))
    until = time.monotonic() + TOLD_WITHIN + options.seconds
    reporter.report(0)
    while time.monotonic() < until:
        with database.reading() as connection:
            if connection.execute(select(customer.c.id)).first():
                break
        time.sleep(0.2)
    give_out(database, options.tasks, options.seconds)
    began = time.perf_counter()
    for number in range(1, options.rate * options.seconds + 1):
        time.sleep(max(0.0, began + number / options.rate - time.perf_counter()))
        reporter.report(number)
    sent = select(func.count()).select_from(message).where(message.c.task_id.is_not(None), message.c.state == "sent")
    while time.monotonic() < until:
        with database.reading() as connection:
            if connection.execute(sent).scalar_one() == options.tasks:
                break
        time.sleep(0.5)
    took = select(task_reminder.c.due_at, message.c.sent_at).join(message, message.c.id == task_reminder.c.message_id)
    with database.reading() as connection:
        return [(row.sent_at - row.due_at).total_seconds() for row in connection.execute(took) if row.sent_at]


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure how late reminders come.")
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=60, help="over which their reminders are due")
    parser.add_argument("--rate", type=int, default=10, help="purchases a second meanwhile")
    ask_for_database(parser)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = make_home(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        (folder / "config" / "staff.yaml").write_text(STAFF)
        settings = database_of(stack, postgres=options.postgres)
        built = house(folder, **settings)
        stack.callback(built.close)
        up = stack.enter_context(phin_up(folder, **settings))
        late = sorted(measure(up, built.database, options, settings))
    where = "PostgreSQL" if options.postgres else "SQLite"
    print(f"{where}, {options.rate} purchases a second: {len(late)} of {options.tasks} reminders were mailed")
    p99 = late[min(len(late) - 1, round(0.99 * len(late)))]
    print(f"late by: median {statistics.median(late):.1f} s, 99th percentile {p99:.1f} s, at most {late[-1]:.1f} s")


if __name__ == "__main__":
    main()
