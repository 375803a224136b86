"""The `var` folder: one that can be written, and what stands in it is for this user alone.

It holds names, addresses and orders. What a process of Phin makes is private by its umask; what was made before,
by another program or an older Phin, is made private here.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from worker.domain.errors import SettingError

UMASK = 0o077  # files are for their owner
TEMPLATES_KEPT = "cache/templates"  # what was compiled of them; it can be removed at any time
STAFF_KEPT = "staff.yaml"  # the last good text of config/staff.yaml, for a start with a broken one
PERSONAL = ("phin.db*", "outbox", "journals", "spool", "secrets", "queue", f"{STAFF_KEPT}*")


def open_var(var: Path) -> None:
    """Make the folder where there is none, and see to it that it can be used.

    Raises:
        SettingError: it cannot be made or written.
    """
    try:
        var.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(var, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        _make_private(var)
    except OSError as error:
        raise unwritable(var, error) from error


def unwritable(var: Path, error: OSError) -> SettingError:
    """Return the error that tells a person that nothing can be kept in this folder."""
    return SettingError(f"var (PHIN_VAR) {var} cannot be written: {error.strerror or error}; name another folder")


def _make_private(var: Path) -> None:
    """Take from others what they may; the folder itself may be one that the owner shares, so it stays as it is."""
    for path in (path for pattern in PERSONAL for path in var.glob(pattern)):
        status = path.lstat()
        if status.st_uid == os.geteuid() and status.st_mode & UMASK and not path.is_symlink():
            path.chmod(status.st_mode & 0o700)
