"""A real PostgreSQL server as a child of the tests: the machine's, else the one in the `pgserver` package.

PostgreSQL refuses to run as root, so a root user's server runs as `nobody`; programs that `nobody` may not read
are copied to where it may. Each server listens on a socket in a folder of its own, and dies with the tests.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib import util
from pathlib import Path
from typing import Any, Literal

import psycopg

LIBC = ctypes.CDLL(None)
NEEDED = ("initdb", "postgres", "pg_ctl")


class PostgresMissingError(Exception):
    """This machine has no PostgreSQL that could be started; the message says what was looked at."""


def find_programs() -> Path | None:
    """Return the folder of `initdb` and `postgres`, or None where the machine has none."""
    for folder in _candidates():
        if all((folder / name).is_file() for name in NEEDED):
            return folder
    return None


def _candidates() -> list[Path]:
    folders: list[Path] = []
    if config := shutil.which("pg_config"):
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        if told.returncode == 0:
            folders.append(Path(told.stdout.strip()))
    debian = Path("/usr/lib/postgresql")
    if debian.is_dir():
        folders += sorted((path / "bin" for path in debian.iterdir()), key=_version, reverse=True)
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    package = util.find_spec("pgserver")
    if package is not None and package.origin:
        folders.append(Path(package.origin).parent / "pginstall" / "bin")
    return folders


def _version(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0


class PostgresServer:
    """One server in a temporary folder.

    Parameters:
        fsync: True where durability is what is tested; ordinary tests do without, and are quicker.
        address: where it listens, for passwords, beside its socket; by default nowhere.
    """

    def __init__(self, *, fsync: bool = False, address: str = "") -> None:
        self.fsync = fsync
        self.address = address
        self.user = "nobody" if os.getuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="phin-pg-"))
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        try:
            self.programs = self._readable_programs()
            self._create_cluster()
            self.start()
        except BaseException:
            self.close()
            raise

    def url(self, name: str) -> str:
        """Return the SQLAlchemy URL of a database of this server."""
        return f"postgresql://phin@/{name}?host={self.folder}"

    def create_database(self, template: str | None = None) -> str:
        """Create a database, as a copy of the template where one is given, and return its name."""
        name = f"phin_{os.getpid()}_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run one statement on the maintenance database."""
        with psycopg.connect(host=str(self.folder), user="phin", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        options = {
            "listen_addresses": self.address,
            "unix_socket_directories": str(self.folder),
            "fsync": "on" if self.fsync else "off",
            "synchronous_commit": "on" if self.fsync else "off",
            "full_page_writes": "on" if self.fsync else "off",
            "max_connections": "200",
            "shared_buffers": "64MB",
            "log_min_messages": "warning",
        }
        settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.programs / "postgres"), "-D", str(self.data), *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,
                **self._as_user(),
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.execute("SELECT 1")
                return
            except psycopg.OperationalError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise PostgresMissingError(f"PostgreSQL does not start: {error}\n{self._told()}") from error
                time.sleep(0.05)

    def stop(self, mode: Literal["fast", "immediate", "kill"] = "fast") -> None:
        """Stop the server: `immediate` as after a crash, `kill` with SIGKILL to each of its processes."""
        if self.process is None:
            return
        if mode == "kill":
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.send_signal(signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def close(self) -> None:
        """Stop the server and remove what it left."""
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _readable_programs(self) -> Path:
        programs = find_programs()
        if programs is None:
            raise PostgresMissingError(
                "no PostgreSQL found (pg_config, /usr/lib/postgresql, PATH, the pgserver package); "
                "install one: apt-get install postgresql, or pip install pgserver"
            )
        if self._runs(programs):
            return programs
        copied = self._copy(programs)
        if not self._runs(copied):
            raise PostgresMissingError(f"{programs}/postgres cannot be run by the user '{self.user}'")
        return copied

    def _copy(self, programs: Path) -> Path:
        """Copy an installation; the package's programs look for its libraries three folders up."""
        site = self.folder / "site"
        shutil.copytree(programs.parent, site / "pgserver" / programs.parent.name, symlinks=True)
        libraries = programs.parents[2] / "pgserver.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, site / libraries.name)
        return site / "pgserver" / programs.parent.name / programs.name

    def _runs(self, programs: Path) -> bool:
        try:
            return all(
                subprocess.run(
                    [str(programs / name), "--version"], capture_output=True, check=False, cwd="/", **self._as_user()
                ).returncode
                == 0
                for name in NEEDED
            )
        except PermissionError:
            return False

    def _create_cluster(self) -> None:
        # the C collation, whatever the machine's language is: the strictest, and the same everywhere
        arguments = ["-D", str(self.data), "-U", "phin", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions"]
        made = subprocess.run(
            [str(self.programs / "initdb"), *arguments, *([] if self.fsync else ["--no-sync"])],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"},
            **self._as_user(),
        )
        if made.returncode != 0:
            raise PostgresMissingError(f"initdb failed:\n{made.stdout}{made.stderr}")
        if self.address:
            with (self.data / "pg_hba.conf").open("a") as file:
                file.write("host all all samenet scram-sha-256\n")

    def _as_user(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        account = pwd.getpwnam(self.user)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def _told(self) -> str:
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""


def _die_with_parent() -> None:
    LIBC.prctl(1, int(signal.SIGQUIT), 0, 0, 0)  # PR_SET_PDEATHSIG; after the change of user, which clears it
