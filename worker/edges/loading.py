"""Loading modules: while it goes on nothing is collected, for all that a module makes stays."""

from __future__ import annotations

import gc
from importlib import import_module
from types import ModuleType


def load(name: str) -> ModuleType:
    """Import a module with all that it imports, and keep the collector from looking at it ever again.

    Phin's modules make some hundred thousand objects, and the collector would walk through them again and again while
    they come: a fifth of the time that a command takes to start.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        if collecting:
            gc.enable()
