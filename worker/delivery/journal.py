"""The sender's journal: which mails one sender handed over, and what was answered, in a file that survives it.

Records are written and not synced: they outlive the process, whatever ends it, and not the machine. The lock on
the file lasts as long as its owner lives, so a free lock tells of a dead sender. One line of text a record:

    phin journal 1 boot 6c1f… token 4be0…
    handing 12
    answered 12 accepted 250 dot "2.0.0 Ok: queued as 4FBC2"

`handing` stands there before the final dot is written. So of a dead sender's messages, one without a record was
surely not handed over; one with an answer is known; one that was being handed over, without an answer, is not.
`left` is the last line of a sender that went away sound; where the disk took no more, the file can only be read.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType

from worker.delivery.transport import Answer, Outcome
from worker.domain.answers import Stage
from worker.domain.errors import PhinError

_SUFFIX = ".journal"
_UNBORN = ".journal-new"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,100}")
_HEADER = re.compile(r"phin journal (\d+) boot (\S+) token (\S+)")
_VERSION = "1"
_WRITTEN = json.JSONEncoder(ensure_ascii=False).encode
_LEFT = stat.S_IRUSR  # mode of a journal that nobody writes to any more, by whose mode its owner went away sound


class JournalError(PhinError):
    """A sender's journal cannot be kept; the message names the file."""


class SenderJournal:
    """The journal of one living sender; used by one thread at a time.

    A process that forks while it holds a journal shares the lock with its child: make journals after forking.

    Parameters:
        folder: made if it is missing; the same for all senders of this machine.
        token: the sender's own, as in the rows that it claims.
        boot: this start of the machine, or None to ask the machine.

    Raises:
        JournalError: another journal has this token.
    """

    def __init__(self, folder: Path, token: str, *, boot: str | None = None) -> None:
        if not _TOKEN.fullmatch(token):
            raise JournalError(f"'{token}' cannot name a journal; a token has letters, digits, '-' and '_' only")
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{token}{_SUFFIX}"
        if self.path.exists():
            raise JournalError(f"{self.path} is already there; each sender needs a token of its own")
        header = f"phin journal {_VERSION} boot {boot or this_boot()} token {token}\n".encode()
        self._file = _born(self.path, header)
        self._start = len(header)
        self._torn = False

    def handing(self, message: int) -> None:
        """Write that the final dot of this message is next; returns once the kernel has it.

        Raises:
            OSError: it could not be written; the final dot must not go out.
        """
        self._append(b"handing %d\n" % message)

    def answered(self, answer: Answer) -> None:
        """Write what the answer was.

        Raises:
            OSError: it could not be written; the message will be called unknown if this process dies now.
        """
        code = "-" if answer.code is None else str(answer.code)
        stage = "-" if answer.stage is None else answer.stage.value
        line = f"answered {answer.message} {answer.outcome.value} {code} {stage} {_WRITTEN(answer.text)}\n"
        self._append(line.encode("utf-8", "replace"))

    def forget(self) -> None:
        """Drop the records: what they tell is committed in the database."""
        os.ftruncate(self._file.fileno(), self._start)
        self._torn = False

    def leave(self) -> None:
        """Write that this sender goes away sound: none of its messages is to blame.

        A full disk takes no line, and may be why it goes; the file's mode changes all the same.
        """
        try:
            self._append(b"left\n")
        except OSError:
            os.fchmod(self._file.fileno(), _LEFT)

    def close(self) -> None:
        """Let go of the file and leave it there.

        The sweep reads it as a dead sender's, and so gives back what this one still had in hand; then removes it.
        """
        self._file.close()

    def _append(self, record: bytes) -> None:
        """Write one record; one that a full disk cut off before is first made a line that tells nothing."""
        data = b" torn\n" + record if self._torn else record
        self._torn = True
        while data:
            data = data[self._file.write(data) or 0 :]
        self._torn = False


@dataclass(frozen=True, slots=True)
class Told:
    """What a journal tells of one message.

    Parameters:
        handed: whether its final dot was about to be written.
        answer: the answer, or None where none was read. One that came before the final dot leaves `handed` false.
    """

    handed: bool
    answer: Answer | None = None


class DeadJournal:
    """The journal of a sender that is gone, locked while it is open; a context manager.

    Parameters:
        token: the sender's own.
        messages: what it tells of each message that it has records of; any other was surely not handed over.
        left: whether the sender went away sound, for a reason that lies in no message.
    """

    def __init__(self, path: Path, file: FileIO, token: str, messages: dict[int, Told], *, left: bool = False) -> None:
        self.path = path
        self.token = token
        self.messages = messages
        self.left = left
        self._file = file

    def remove(self) -> None:
        """Remove the file: what it tells is committed in the database."""
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> DeadJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def dead_journals(folder: Path, *, boot: str | None = None) -> Iterator[DeadJournal]:
    """Yield the journals of dead senders, each locked against other sweeps until it is closed.

    A journal from before the machine's last start is removed unread: what was not synced may be missing from it, and
    a missing record would send a mail twice. Its messages become unknown when their lease is over.

    Parameters:
        boot: this start of the machine, or None to ask the machine.
    """
    boot = boot or this_boot()
    for path in sorted(folder.glob(f"*{_UNBORN}")):
        if (file := _lock_if_dead(path)) is not None:
            with file:
                path.unlink(missing_ok=True)
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        file = _lock_if_dead(path)
        if file is None:
            continue
        header, records = _lines(file.readall() or b"")
        named = _HEADER.fullmatch(header)
        if named is not None and named.group(1) != _VERSION:
            file.close()  # another version of Phin wrote it and may yet read it
        elif named is None or named.group(2) != boot:
            path.unlink(missing_ok=True)
            file.close()
        else:
            left = "left" in records or stat.S_IMODE(os.fstat(file.fileno()).st_mode) == _LEFT
            yield DeadJournal(path, file, named.group(3), _told(records), left=left)


def this_boot() -> str:
    """Name this start of the machine; another name after each."""
    linux = Path("/proc/sys/kernel/random/boot_id")
    if linux.exists():
        return linux.read_text(encoding="ascii").strip()
    macos = subprocess.run(["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=True)
    return macos.stdout.strip()


def _born(path: Path, header: bytes) -> FileIO:
    """Make a journal that is locked and has its header from the first moment that others can see it."""
    unborn = path.with_suffix(_UNBORN)
    while True:
        file = FileIO(os.open(unborn, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab")
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            os.ftruncate(file.fileno(), 0)
            file.write(header)
            unborn.rename(path)
            return file
        except FileNotFoundError:  # a sweep took it for what a dead sender had begun
            file.close()
        except BaseException:
            file.close()
            raise


def _lock_if_dead(path: Path) -> FileIO | None:
    """Open and lock the file, unless its owner lives, another sweep has it, or it is gone."""
    try:
        file = FileIO(path, "rb")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    file.close()
    return None


def _lines(content: bytes) -> tuple[str, list[str]]:
    """Return the header and the records; a last line that was cut off is none."""
    lines = content.decode("utf-8", "replace").split("\n")[:-1]
    return (lines[0], lines[1:]) if lines else ("", [])


def _told(records: list[str]) -> dict[int, Told]:
    """Read the records in order; a later one of the same message counts, a line that is no record does not."""
    messages: dict[int, Told] = {}
    for record in records:
        word, _, rest = record.partition(" ")
        try:
            if word == "handing":
                messages[int(rest)] = Told(handed=True)
            elif word == "answered":
                answer = _answer(rest)
                before = messages.get(answer.message)
                messages[answer.message] = Told(before is not None and before.handed, answer)
        except ValueError:
            continue
    return messages


def _answer(rest: str) -> Answer:
    message, outcome, code, stage, text = rest.split(" ", 4)
    return Answer(
        int(message),
        Outcome(outcome),
        None if code == "-" else int(code),
        str(json.loads(text)),
        None if stage == "-" else Stage(stage),
    )
