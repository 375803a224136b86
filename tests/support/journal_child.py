"""A sender for the crash test: hands over mails without end to a server that is a file, until it is killed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from worker.delivery.journal import SenderJournal
from worker.delivery.transport import Answer, Outcome
from worker.domain.answers import Stage

GROUP = 7


def main() -> None:
    folder, token = Path(sys.argv[1]), sys.argv[2]
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    server = os.open(folder / "server", append)  # what the server took
    ledger = os.open(folder / "ledger", append)  # groups that are marked, answers that were surely noted
    journal = SenderJournal(folder / "journals", token)
    print("ready", flush=True)
    number = 0
    while True:
        group = range(number, number + GROUP)
        number += GROUP
        os.write(ledger, f"marked {group.start}\n".encode())
        journal.forget()
        for message in group:
            if message % 5 == 0:  # refused before the final dot
                journal.answered(Answer(message, Outcome.REFUSED, 550, "5.1.1 không có hộp thư", Stage.RCPT))
            else:
                journal.handing(message)
                os.write(server, b"%d\n" % message)
                journal.answered(Answer(message, Outcome.ACCEPTED, 250, "2.0.0 Ok", Stage.DOT))
            os.write(ledger, f"noted {message}\n".encode())


if __name__ == "__main__":
    main()
