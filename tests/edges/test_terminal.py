"""What customers and servers write does nothing to the terminal, the log or the spreadsheet that shows it."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.processes import ROOT, clean_environment
from tests.support.shop_folder import bare_house, phin, take_events
from worker.edges.person_files import as_zip
from worker.edges.terminal import harmless

HOSTILE = (
    "\x1b]0;retitled\x07",
    "\x1b]52;c;cm0gLXJmIH4=\x07",  # into the clipboard
    "\x1b[2J\x1b[1A\x1b[2K",  # away with the line above
    "\x9b31m",
    "\x1bP+q544e\x1b\\",  # asks the terminal for something, which it types
    "\u202etxt.exe",
    "a\rb\b\b",
)
FLOW = "title: {en: Asked}\nkind: transactional\ntrigger: {event: support.requested}\nsteps:\n  - tag: {add: asked}\n"
LOGGING = """
import logging
from worker.edges.logs import set_up_logs
set_up_logs({form!r}, "web")
logging.getLogger("somebody").warning({said!r})
try:
    raise ValueError({said!r})
except ValueError:
    logging.getLogger("somebody").exception("failed")
"""


def controls(text: str) -> set[str]:
    return {one for one in text if (ord(one) < 32 and one not in "\n\t") or 0x7F <= ord(one) < 0xA0 or one in "\u202e"}


@given(st.text() | st.sampled_from(HOSTILE))
def test_nothing_but_colours_is_left(text: str) -> None:
    """Given any text, then no control character is left in it but line breaks, tabs and those of a colour."""
    left = harmless(text)
    assert controls(left) <= {"\x1b"}
    assert left.count("\x1b") == left.count("\x1b[")
    assert harmless(f"\x1b[31m{left}\x1b[0m") == f"\x1b[31m{left}\x1b[0m"


def test_a_story_obeys_no_customer(tmp_path: Path) -> None:
    """Given a request for help whose words command terminals, when its story is printed, then they are gone."""
    house = bare_house(tmp_path, asked=FLOW)
    said = "".join(HOSTILE)
    request = {"request": "R1", "subject": f"help {said}", "message": said, "channel": "form"}
    customer = {"id": "c1", "email": "lan@example.com"}
    take_events(house, {"id": "e1", "type": "support.requested", "customer": customer, "data": request})
    house.close()
    for arguments in (("why", "c1"), ("why", "c1", "--json"), ("person", "export", "c1", "--out", "-")):
        told = phin(tmp_path, *arguments)
        assert controls(told.stdout + told.stderr) == set(), arguments


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("said", HOSTILE)
def test_a_log_line_obeys_nobody(form: str, said: str) -> None:
    """Given words of others in a log line and in a traceback, then a terminal that shows the log does nothing."""
    script = LOGGING.format(form=form, said=said)
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True
    )
    assert "failed" in ran.stderr
    assert controls(ran.stderr) == set()


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "\ufeff=1", '="x","y"']
)
def test_no_cell_of_an_export_is_reckoned(cell: str) -> None:
    """Given a text that a spreadsheet would reckon, when a person's data are exported, then it stands there as text."""
    archive = zipfile.ZipFile(io.BytesIO(as_zip({"events": [{"note": cell, "count": -5}]})))
    header, row = csv.reader(io.StringIO(archive.read("events.csv").decode("utf-8-sig"), newline=""))
    assert header == ["note", "count"]
    assert row == [f"'{cell}", "-5"]
