"""Loading a command's modules leaves the collector as it was, and what was loaded out of its way."""

from __future__ import annotations

import gc

import pytest

from worker.edges.loading import load


def test_the_collector_works_on_and_passes_by_what_was_loaded() -> None:
    """Given a module that is not loaded yet, when it is, then it is there, and the collector is as it was before."""
    before = gc.get_freeze_count()
    try:
        assert load("colorsys").rgb_to_hls(0, 0, 0) == (0.0, 0.0, 0.0)
        assert gc.isenabled() and gc.get_freeze_count() > before
    finally:
        gc.unfreeze()


def test_a_module_that_is_not_there_leaves_the_collector_on() -> None:
    """Given a name that no module has, then that is told, and the collector works on."""
    with pytest.raises(ModuleNotFoundError):
        load("worker.no_such_module")
    gc.unfreeze()
    assert gc.isenabled()
