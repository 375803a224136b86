"""A network of hosts for each test; where this machine cannot have one, the test is skipped and says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.hosts.namespaces import Network, NoNamespacesError


@pytest.fixture
def network() -> Iterator[Network]:
    """Return a network with no hosts on it yet."""
    try:
        made = Network()
    except NoNamespacesError as error:
        pytest.skip(str(error))
    with made:
        yield made
