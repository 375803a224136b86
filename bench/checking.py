"""What the check costs: seconds for a shop of 200 flows, first and again, and where they go.

    .venv/bin/python -m bench.checking [--flows 200] [--profile]

The flows are copies of the shipped ones under other names, beside the shipped templates and settings, in a folder of
their own. Processor time, so that a busy machine disturbs little; beside it the time on the clock.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import re
import shutil
import time
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from worker.domain.errors import Severity
from worker.edges.cli.check import Checked, check_all

HOUSE = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=200)
    parser.add_argument("--profile", action="store_true", help="print what the second check spends its time on")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        home = Path(folder)
        made_shop(home, options.flows)
        for round_ in ("first, templates compiled", "again"):
            began, on_the_clock = time.process_time(), time.perf_counter()
            checked = check_all(home, {})
            used, passed = time.process_time() - began, time.perf_counter() - on_the_clock
            tell(checked)
            each = 1000 * used / options.flows
            print(f"{round_:28} {used:6.2f} s CPU   {passed:6.2f} s on the clock   {each:.1f} ms a flow")
        if options.profile:
            profile = cProfile.Profile()
            profile.runcall(check_all, home, {})
            pstats.Stats(profile).sort_stats("cumtime").print_stats(30)


def made_shop(home: Path, flows: int) -> None:
    """Write a shop with so many flows."""
    for folder in ("config", "templates"):
        shutil.copytree(HOUSE / folder, home / folder)
    (home / "flows").mkdir()
    (home / "var").mkdir()  # where compiled templates are kept
    shipped = sorted((HOUSE / "flows").glob("*.yaml"))
    for number, path in enumerate(islice(cycle(shipped), flows)):
        name = path.stem if number < len(shipped) else f"{path.stem}-{number}"
        text = re.sub(rf"^flow: {re.escape(path.stem)}$", f"flow: {name}", path.read_text(encoding="utf-8"), flags=re.M)
        (home / "flows" / f"{name}.yaml").write_text(text, encoding="utf-8")


def tell(checked: Checked) -> None:
    """Refuse a run that checked something else than good flows."""
    wrong = [one for one in checked.problems if one.severity is Severity.ERROR]
    assert not wrong, f"{wrong[0].place}: {wrong[0].message}"


if __name__ == "__main__":
    main()
