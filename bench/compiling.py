"""What it costs to read a template: milliseconds of each shipped one, cold, among the others, and from what was kept.

    .venv/bin/python -m bench.compiling

Processor time. "cold" is a process that has compiled no other template (a stylesheet that several share is parsed once
in a process); "among others" is the third time in one process that knows all stylesheets; "kept" is reading what any
process made of the same files before (`var/cache/templates`).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.support.mail_values import SHOP
from worker.delivery.templates.compile import Compiler
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.templates.sources import Sources

FOLDER = Path(__file__).parent.parent / "templates"


def milliseconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1e3


def apart(work: Callable[[], float]) -> float:
    """Do the work in a process of its own, which has the imports and nothing else."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, f"{work()}".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        answer = told.read()
    os.waitpid(child, 0)
    return float(answer)


def main() -> None:
    library = TemplateLibrary(FOLDER, SHOP)
    every = [(name, language) for name in library.names() for language in library.languages(name)]
    print(f"{'template':<26}{'cold ms':>10}{'among others ms':>18}{'kept ms':>10}")
    with tempfile.TemporaryDirectory() as kept:
        compiler = Compiler(FOLDER, SHOP, cache=Path(kept) / "templates")

        def compiled(name: str, language: str) -> float:
            return milliseconds(lambda: compiler.compile(name, language, Sources(FOLDER, language)))

        cold = [apart(lambda one=one: compiled(*one)) for one in every]  # type: ignore[misc] # a default of its own
        warm = [[compiled(*one) for one in every] for _ in range(3)][-1]

        def kept_ready(name: str, language: str) -> float:
            return milliseconds(lambda: compiler.kept(name, language, Sources(FOLDER, language)))

        ready = [kept_ready(*one) for one in every]
    for (name, language), *figures in zip(every, cold, warm, ready, strict=True):
        print(f"{name + '.' + language:<26}{figures[0]:>10.1f}{figures[1]:>18.1f}{figures[2]:>10.2f}")
    medians = (median(one) for one in (cold, warm, ready))
    print("{:<26}{:>10.1f}{:>18.1f}{:>10.2f}".format(f"median of {len(every)}", *medians))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
