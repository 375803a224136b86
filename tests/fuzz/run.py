"""Run the fuzzer on readers for a bounded time: `python -m tests.fuzz.run --seconds 60 [READER …]`, or `make fuzz`.

Atheris follows which lines of Phin an input reaches, and keeps changing those that reach new ones. Each reader has a
process of its own, that ends by itself. What one of them finds is written to `tests/fuzz/found/READER/`, and the exit
status is 1; mend the reader, and leave the file there: the tests read it from now on.
"""

from __future__ import annotations

import argparse
import hashlib
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from importlib import import_module
from pathlib import Path
from types import FrameType

from tests.fuzz.words import FOUND, LONGEST, WORDS

NAMES = tuple(WORDS)
SLOW = 30  # seconds of the processor's time that one input may take, which is ten times what it takes unwatched
ROOM = LONGEST + 4  # bytes in which the process shows what it is reading
MEMORY = 1_500  # megabytes of the process
GRACE = 300  # seconds beyond its own bound after which a process is ended


def main() -> int:
    """Fuzz the readers that are named, one after another; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="READER", help="by default all")
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--one", choices=NAMES, help=argparse.SUPPRESS)  # the process of one reader
    parser.add_argument("--corpus", type=Path, help="keep what was learnt here, and begin from it")
    parser.add_argument("--current", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return _fuzz(options.one, options.seconds, options.corpus, options.current)
    unknown = sorted({*options.readers} - {*NAMES})
    if unknown:
        parser.error(f"there is no reader '{unknown[0]}'; there are {', '.join(NAMES)}")
    failed = [name for name in options.readers or NAMES if not _ran(name, options.seconds, options.corpus)]
    if failed:
        print(f"Found something in: {', '.join(failed)}; see tests/fuzz/found/", file=sys.stderr)
    return 1 if failed else 0


def _ran(name: str, seconds: int, kept: Path | None) -> bool:
    """Fuzz one reader in a process of its own; says whether it found nothing."""
    (FOUND / name).mkdir(parents=True, exist_ok=True)
    before = set((FOUND / name).iterdir())
    with tempfile.TemporaryDirectory() as temporary:
        corpus = Path(temporary) / "corpus" if kept is None else kept / name
        corpus.mkdir(parents=True, exist_ok=True)
        current = Path(temporary) / "current"
        current.write_bytes(bytes(ROOM))
        command = [sys.executable, "-m", "tests.fuzz.run", "--one", name, "--current", str(current)]
        command += ["--seconds", str(seconds), "--corpus", str(corpus)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=seconds + GRACE, check=False
            )
            status, lines = done.returncode, done.stderr.splitlines()
        except subprocess.TimeoutExpired as error:
            status, lines = 1, (error.stderr or b"").decode(errors="replace").splitlines()
        if status:
            _keep(name, current.read_bytes())
        new = sorted(set((FOUND / name).iterdir()) - before)
        runs = next((line for line in reversed(lines) if line.startswith("Done ")), "ended early")
        reached = next((line.split("cov: ")[1].split()[0] for line in reversed(lines) if "cov: " in line), "?")
        print(f"{name}: {runs}; {reached} places of the code reached; {len(new)} found", flush=True)
        if status:
            told = [line for line in lines if not line.startswith(("INFO: ", "#", "WARNING: Failed to find"))]
            print("\n".join(told[-60:]), file=sys.stderr)
        return not status


def _keep(name: str, current: bytes) -> None:
    """Keep the input that was being read when the process ended: its length stands first."""
    length = int.from_bytes(current[:4], "little")
    data = current[4 : 4 + length]
    (FOUND / name / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def _fuzz(name: str, seconds: int, corpus: Path, current: Path) -> int:
    """Let Atheris run one reader; it ends the process."""
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["worker.domain", "worker.language", "worker.delivery", "jinja2"]):
        readers = import_module("tests.fuzz.readers")
        seeds = import_module("tests.fuzz.seeds").seeds_of(name)
    read = readers.READERS[name]
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
        read(seed)  # what is loaded when it is first needed is loaded now
    words = corpus.parent / f"{name}.dict"
    words.write_text("".join(f'"{_quoted(word)}"\n' for word in WORDS[name].split("|") if word))
    with current.open("r+b") as file:
        shown = mmap.mmap(file.fileno(), ROOM)

    def one(data: bytes) -> None:
        shown[:4] = len(data).to_bytes(4, "little")
        shown[4 : 4 + len(data)] = data
        signal.setitimer(signal.ITIMER_VIRTUAL, SLOW)
        try:
            read(data)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    signal.signal(signal.SIGVTALRM, _too_slow)
    arguments = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        f"-timeout={GRACE}",  # by the wall clock, which on a busy machine tells little; ours comes first
        f"-rss_limit_mb={MEMORY}",
        *([f"-dict={words}"] if WORDS[name] else []),
        f"-max_len={LONGEST}",
        f"-artifact_prefix={corpus.parent}/",  # what is found is kept by whoever started this
        str(corpus),
    ]
    atheris.Setup(arguments, one)
    atheris.Fuzz()
    return 0


def _too_slow(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"more than {SLOW} seconds of the processor's time")


def _quoted(word: str) -> str:
    return "".join(letter if letter.isalnum() else f"\\x{ord(letter):02x}" for letter in word)


if __name__ == "__main__":
    sys.exit(main())
