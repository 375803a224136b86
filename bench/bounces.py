"""How many of the reports of `flufl.bounce`'s own public test data are recognised, with what reason, and how fast.

    python -m bench.bounces [--all]

The data (real reports, Apache-2.0) are fetched from PyPI once, into the user's cache. Beside the shares stand the
reports that were not recognised or tell no reason; `--all` lists what was made of each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path

from worker.delivery.bounces.reading import Report, read
from worker.delivery.tokens import Tokens
from worker.domain.bounce_words import BounceReason
from worker.domain.bounces import BounceClass, status_in

VERSION = "6.0.0"
SIGNED = b"a secret that has signed none of these reports"
# By their text these two are no reports of returned mail: a person's mail, and an automatic answer.
NO_REPORTS = {"groupwise_03.txt": BounceClass.UNREADABLE, "qmail_08.txt": BounceClass.AUTO_REPLY}
FAILED = (BounceClass.HARD, BounceClass.SOFT, BounceClass.POLICY, BounceClass.DELAYED)


def reports() -> dict[str, bytes]:
    """Return the reports by name, fetched where they are not here yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "phin" / "bench"
    name = f"flufl_bounce-{VERSION}"
    file = cache / f"{name}.tar.gz"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        wanted = ["--no-deps", "--no-binary", ":all:", "--dest", str(cache), f"flufl.bounce=={VERSION}"]
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", *wanted], check=True)
    found: dict[str, bytes] = {}
    with tarfile.open(file) as archive:
        for member in archive.getmembers():
            path = Path(member.name)
            if path.parent.name == "data" and path.suffix == ".txt" and (data := archive.extractfile(member)):
                found[path.name] = data.read()
    return dict(sorted(found.items()))


def as_expected(name: str, raw: bytes, report: Report) -> bool | None:
    """Say whether the class agrees with the codes in the report itself; None where it holds none."""
    if name in NO_REPORTS:
        return report.findings[0].kind is NO_REPORTS[name]
    told = {status_in(f" {line.partition(':')[2]}") for line in raw.decode("latin-1").splitlines() if "tatus:" in line}
    told -= {None, "5.0.0", "4.0.0"}
    if len(told) != 1:
        return None
    (status,) = told
    kind = report.findings[0].kind
    if status is not None and status[0] == "4":
        return kind in (BounceClass.SOFT, BounceClass.DELAYED)
    return kind is BounceClass.HARD if status in ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10") else kind in FAILED


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="list every report")
    given = parser.parse_args()
    tokens = Tokens([SIGNED])
    data = reports()
    kinds: Counter[tuple[str, str]] = Counter()
    recognised = reasoned = agree = judged = named = 0
    took: list[float] = []
    for name, raw in data.items():
        began = time.perf_counter()
        report = read(raw, tokens)
        took.append(time.perf_counter() - began)
        first = report.findings[0]
        known = first.kind is not BounceClass.UNREADABLE or name in NO_REPORTS
        why = first.reason is not BounceReason.UNCLEAR or name in NO_REPORTS
        recognised += known
        reasoned += why
        named += first.recipient is not None
        kinds[first.kind.value, first.reason.value] += 1
        expected = as_expected(name, raw, report)
        judged += expected is not None
        agree += bool(expected)
        if given.all or not (known and why) or expected is False:
            note = "" if expected is not False else " · not as its code says"
            print(f"{name:22} {first.kind.value:10} {first.reason.value:24} {first.status or '':8}{note}")
    many = len(data)
    print(f"\n{many} reports · recognised {recognised} ({recognised / many:.1%}) · with a reason {reasoned}", end=" ")
    print(
        f"({reasoned / many:.1%}) · recipient named {named} ({named / many:.1%}) · "
        f"as their own codes say {agree} of {judged}"
    )
    for (kind, reason), count in kinds.most_common():
        print(f"  {count:4}  {kind:10}  {reason}")
    took.sort()
    print(f"reading one: median {took[many // 2] * 1e3:.1f} ms, slowest {took[-1] * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
