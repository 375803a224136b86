"""The long form on several hosts: every host is cut off three times while so many mails go out.

    python -m tests.chaos.hosts [--mails 20000]

Prints the sums as a table. Ends with status 1 where a promise was broken; the trial's folder, with the logs of its
processes, is kept then.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.hosts.namespaces import Network, NoNamespacesError
from tests.chaos.hosts.trial import HostsTrial, long_size


def main() -> int:
    """Run the trial; returns the exit status."""
    parser = argparse.ArgumentParser(description="Cut hosts off and bring them back while mails go out, and count.")
    parser.add_argument("--mails", type=int, default=20_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="phin-hosts-"))
    try:
        with Network() as network:
            sums = HostsTrial(folder, long_size(options.mails), network).run()
    except NoNamespacesError as error:
        print(f"no trial on several hosts: {error}", file=sys.stderr)
        return 1
    print(sums.table())
    if not sums.right:
        print(f"what it left is kept in {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
