"""A process that does nothing but recover and send, in two threads, until it is killed or nothing is left."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from worker.delivery.preparing import Preparing
from worker.delivery.recovery import Recovery
from worker.delivery.sender import Mailroom
from worker.delivery.sending import Sending
from worker.delivery.smtp import SmtpTransport
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.tokens import Tokens
from worker.domain.settings import Settings
from worker.storage.database import Database
from worker.storage.flowbook import FlowBook


class MachineTimes:
    """Both clocks are the machine's."""

    def now(self) -> datetime:
        """Return the machine's time."""
        return datetime.now(UTC)

    def machine(self) -> datetime:
        """Return the machine's time."""
        return datetime.now(UTC)


def main() -> None:
    """Send what is due: arguments are the database's URL, a folder with templates and journals, the relay's URL."""
    url, folder, relay = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    settings = Settings.model_validate({"sending": {"group_single": 4, "group_campaign": 10, "batch": 20}})
    database, times = Database(url), MachineTimes()
    templates = TemplateLibrary(folder / "templates", settings.shop)
    preparing = Preparing(settings, templates, Tokens([b"a secret of forty characters for the tests"]))
    recovery = Recovery(database, folder / "journals", settings.sending)
    recovery.run(times.now(), times.machine())
    room = Mailroom(
        database,
        FlowBook(),
        preparing,
        lambda _: SmtpTransport(relay, timeout=10),
        folder / "journals",
        settings,
        times,
    )
    sending = Sending(room)
    threads = [threading.Thread(target=sending.run_due) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sending.close()


if __name__ == "__main__":
    main()
