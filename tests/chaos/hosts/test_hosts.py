"""The short form: two clocks, five workers and two webs on three hosts, of which one is cut off and returned."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.hosts.namespaces import Network
from tests.chaos.hosts.trial import SHORT, HostsTrial
from tests.support.postgres import PostgresMissingError


@pytest.mark.timeout(900)
def test_hosts_that_are_cut_off_and_return_break_no_promise(tmp_path: Path, network: Network) -> None:
    """Given a campaign, orders and clicks, when a host, the database's and the queue's are cut off, the sums hold."""
    try:
        sums = HostsTrial(tmp_path, SHORT, network).run()
    except PostgresMissingError as error:
        pytest.skip(str(error))
    print(sums.table())
    sums.assert_right()
