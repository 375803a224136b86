"""What tests of the edges share."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutines on asyncio, as the web process does."""
    return "asyncio"
