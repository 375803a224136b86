"""Work of a page that blocks, done beside the loop, within a time that its visitor may be kept waiting."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from worker.domain.errors import UnavailableError
from worker.storage.database import told

T = TypeVar("T")

log = logging.getLogger(__name__)


class Aside:
    """Two threads of one page: what one visitor waits for keeps no other page waiting.

    Parameters:
        name: of the threads, and of the page in the log.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._threads = ThreadPoolExecutor(2, name)

    async def do(self, work: Callable[[], T], within: float) -> T:
        """Return what the work comes to.

        Work that takes too long goes on and may yet be done, so it must be such that doing it again changes nothing.

        Parameters:
            within: seconds.

        Raises:
            UnavailableError: it took too long, or the database failed it.
        """
        try:
            return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._threads, work), within)
        except TimeoutError as error:
            raise UnavailableError("the database takes too long") from error
        except DBAPIError as error:
            log.warning("%s has to wait: %s", self._name, told(error), exc_info=True)
            raise UnavailableError(told(error)) from error

    def close(self) -> None:
        """End the threads; what has not begun is not done."""
        self._threads.shutdown(wait=False, cancel_futures=True)
