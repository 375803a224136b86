"""Several hosts on one machine: network namespaces on a bridge, each with an address and a name of its own.

The namespaces have no names on the machine: they are held by open files, so that the kernel takes them away with the
last process in them, however the test ends, and tests that run at the same time know nothing of each other.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from tests.support.processes import wait_until

NEW_NET = 0x40000000  # CLONE_NEWNET
NEW_UTS = 0x04000000  # CLONE_NEWUTS: the host's name
LIBC = ctypes.CDLL(None, use_errno=True)
SYSTEM = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}  # where `bridge` is
NEEDED = {"ip": "iproute2", "bridge": "iproute2", "nsenter": "util-linux"}
FORWARDING, DISABLED = "3", "0"  # states of a bridge's port


class NoNamespacesError(Exception):
    """This machine cannot have network namespaces; the message says why."""


@dataclass(frozen=True)
class Host:
    """One host: what is started, and each socket that is opened, while it is `entered` belongs to it."""

    name: str
    address: str
    net: IO[bytes]
    uts: IO[bytes]

    @property
    def prefix(self) -> list[str]:
        """What comes before a command that is to run on this host."""
        held = f"/proc/{os.getpid()}/fd"
        return ["nsenter", f"--net={held}/{self.net.fileno()}", f"--uts={held}/{self.uts.fileno()}"]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have this thread, and what it starts, be on this host."""
        kinds = (("net", NEW_NET, self.net), ("uts", NEW_UTS, self.uts))
        before = [(_own(name), kind) for name, kind, _ in kinds]
        for _, kind, file in kinds:
            _call("setns", file.fileno(), kind)
        try:
            yield
        finally:
            for file, kind in before:
                with file:
                    _call("setns", file.fileno(), kind)


class Network:
    """A switch with hosts on it; a context manager.

    Raises:
        NoNamespacesError: this machine cannot have it.
    """

    def __init__(self) -> None:
        missing = [name for name in NEEDED if shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin") is None]
        if missing:
            raise NoNamespacesError(f"no program '{missing[0]}' here: apt-get install {NEEDED[missing[0]]}")
        self._hosts: dict[str, Host] = {}
        try:
            self._switch = _made("switch", "")
            self._on(self._switch, "ip link add br0 type bridge", "ip link set br0 up")
        except OSError as error:
            raise NoNamespacesError(f"network namespaces cannot be made here ({error}); run as root") from error

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        for host in (*self._hosts.values(), self._switch):
            host.net.close()
            host.uts.close()

    def add(self, name: str) -> Host:
        """Return a new host, reached by all others at its address."""
        number = len(self._hosts) + 1
        host = self._hosts[name] = _made(name, f"10.77.0.{number}")
        there = f"/proc/{os.getpid()}/fd/{host.net.fileno()}"
        self._on(
            self._switch,
            f"ip link add name {name} type veth peer name eth0 netns {there}",
            f"ip link set dev {name} master br0 up",
        )
        self._on(host, "ip link set lo up", f"ip address add {host.address}/24 dev eth0", "ip link set eth0 up")
        # the kernel looks at a cable in its own time
        wait_until(lambda: self._forwards(host), f"the switch knows the cable of {name}")
        return host

    def cut_off(self, host: Host) -> None:
        """Have the switch drop what comes from this host and goes to it; nobody is told, as when a cable breaks."""
        self._on(self._switch, f"bridge link set dev {host.name} state {DISABLED}")

    def bring_back(self, host: Host) -> None:
        """Let the host's packets through."""
        self._on(self._switch, f"bridge link set dev {host.name} state {FORWARDING}")

    def _forwards(self, host: Host) -> bool:
        try:
            self.bring_back(host)
        except OSError:
            return False
        return True

    def _on(self, host: Host, *commands: str) -> None:
        with host.entered():
            for command in commands:
                done = subprocess.run(command.split(), check=False, capture_output=True, text=True, env=SYSTEM)
                if done.returncode != 0:
                    raise OSError(f"{command}: {done.stderr.strip()}")


def _made(name: str, address: str) -> Host:
    with _own("net") as net, _own("uts") as uts:
        _call("unshare", NEW_NET | NEW_UTS)
        try:
            encoded = name.encode()
            _call("sethostname", encoded, len(encoded))
            return Host(name, address, _own("net"), _own("uts"))
        finally:
            _call("setns", net.fileno(), NEW_NET)
            _call("setns", uts.fileno(), NEW_UTS)


def _own(kind: str) -> IO[bytes]:
    return open(f"/proc/thread-self/ns/{kind}", "rb")  # noqa: PTH123 - held open by whoever asked


def _call(name: str, *arguments: object) -> None:
    if getattr(LIBC, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
