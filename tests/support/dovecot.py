"""A real IMAP server of a test's own: Debian's Dovecot, on a free port, with a mailbox that the test fills."""

from __future__ import annotations

import getpass
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

USER, PASSWORD = "bounces", "a-password-for-tests"


class DovecotMissingError(Exception):
    """This machine has no Dovecot with IMAP."""


class Dovecot:
    """The server; mails are files in a Maildir.

    Parameters:
        folder: for its configuration, sockets and mails.
    """

    def __init__(self, folder: Path) -> None:
        program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None or not Path("/usr/lib/dovecot/imap").exists():
            raise DovecotMissingError("there is no Dovecot with IMAP; install Debian's package dovecot-imapd")
        self.port = _free_port()
        user = getpass.getuser()
        # Dovecot logs nobody in as root; its package brings users for that
        inner, login = ("dovecot", "dovenull") if os.getuid() == 0 else (user, user)
        group = grp.getgrgid(pwd.getpwnam(inner).pw_gid).gr_name
        run = Path(f"/tmp/dovecot-{os.getpid()}-{self.port}")  # a socket's path may have 108 bytes
        run.mkdir(mode=0o755)
        self._run = run
        owner = pwd.getpwnam("nobody" if os.getuid() == 0 else user)  # Dovecot serves no mail of root's
        self._owner = owner.pw_uid, owner.pw_gid
        self.mails = run / "Maildir"
        for made in (self.mails, *(self.mails / name for name in ("new", "cur", "tmp"))):
            made.mkdir()
            os.chown(made, *self._owner)
        (run / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}:{owner.pw_uid}:{owner.pw_gid}::{run}::\n")
        config = folder / "dovecot.conf"
        config.write_text(f"""
protocols = imap
listen = 127.0.0.1
base_dir = {run}
state_dir = {run}
log_path = {folder}/dovecot.log
ssl = no
disable_plaintext_auth = no
default_internal_user = {inner}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:{self.mails}
mail_fsync = never
passdb {{
  driver = passwd-file
  args = {run}/users
}}
userdb {{
  driver = passwd-file
  args = {run}/users
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
""")
        self._process = subprocess.Popen([program, "-F", "-c", str(config)], stderr=subprocess.PIPE)
        self._wait(folder)

    @property
    def url(self) -> str:
        """The mailbox's address."""
        return f"imap://{USER}:{PASSWORD}@127.0.0.1:{self.port}/INBOX"

    def deliver(self, name: str, mail: bytes) -> None:
        """Put a mail into the mailbox."""
        (self.mails / "tmp" / name).write_bytes(mail)
        os.chown(self.mails / "tmp" / name, *self._owner)
        (self.mails / "tmp" / name).rename(self.mails / "new" / name)

    def renumber(self) -> None:
        """Have the server give its mails new numbers, as after a restored backup: another UIDVALIDITY."""
        listing = self.mails / "dovecot-uidlist"
        first, _, rest = listing.read_text().partition("\n")
        words = [f"V{int(time.time()) + 1000}" if word.startswith("V") else word for word in first.split()]
        listing.write_text(" ".join(words) + "\n" + rest)
        for index in self.mails.glob("dovecot.index*"):
            index.unlink()

    def close(self) -> None:
        """End it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
        shutil.rmtree(self._run, ignore_errors=True)

    def _wait(self, folder: Path) -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if self._process.poll() is not None:
                said = (self._process.stderr.read() if self._process.stderr else b"").decode()
                shutil.rmtree(self._run, ignore_errors=True)
                raise RuntimeError(f"Dovecot does not start: {said}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as line:
                    if line.recv(100).startswith(b"* OK"):
                        return
            except OSError:
                time.sleep(0.05)
        log = folder / "dovecot.log"
        self.close()
        raise RuntimeError(f"Dovecot does not answer: {log.read_text() if log.exists() else ''}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
