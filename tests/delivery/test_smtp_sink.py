"""The sink that crash tests lean on: a process of its own, whose log tells what was taken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.handing import hand_over, some_mails
from tests.support.smtp_sink import read_log
from worker.delivery.smtp import SmtpTransport

ROOT = Path(__file__).parents[2]


def test_the_sink_runs_as_a_process_and_logs_each_mail_before_it_answers(tmp_path: Path) -> None:
    """Given the sink as a process, when mails are handed over, its log names them in order at once."""
    log = tmp_path / "taken.jsonl"
    command = [sys.executable, "-m", "tests.support.smtp_sink", "--port", "0", "--log", str(log)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        transport = SmtpTransport(f"smtp://127.0.0.1:{port}", timeout=20)
        mails = some_mails(3)
        hand_over(transport, mails)
        taken = read_log(log)
        transport.close()
        process.terminate()
        assert process.wait(20) == 0
    assert [mail.message_id for mail in taken] == [mail.message_id for mail in mails]
    assert [mail.recipients for mail in taken] == [(mail.recipient,) for mail in mails]
    assert [mail.size for mail in taken] == [len(mail.content) for mail in mails]
    assert taken[0].time <= taken[1].time <= taken[2].time
