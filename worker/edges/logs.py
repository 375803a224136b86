"""Log lines: one JSON line an event in production, short and coloured on a terminal.

Whatever logs by Python's own `logging` comes out in the same form. No line holds an e-mail address, a key or a
token: the house logs ids, and what others say, in a traceback too, is masked (`worker.edges.secrecy`).
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Collection, MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from worker.edges.secrecy import Secrecy
from worker.edges.terminal import harmless

QUIET = {  # what these say beneath that level is of use to nobody who runs a shop
    "apscheduler": logging.ERROR,  # a sweep that takes longer than a second is no fault
    "dramatiq": logging.ERROR,
    "uvicorn": logging.WARNING,
    "uvicorn.access": logging.WARNING,
    "alembic": logging.WARNING,
    "watchfiles": logging.WARNING,
    "httpx": logging.WARNING,
    "flufl.bounce": logging.CRITICAL,  # what its detectors stumble over is answered by asking the next
    "imapclient": logging.WARNING,
    "premailer": logging.ERROR,
    "sqlalchemy": logging.WARNING,  # beneath it, whole rows are written down
    "CSSUTILS": logging.CRITICAL,
}
_BACKGROUND = re.compile(r"(?:\\n|\n)?\(Background on this error at: https://sqlalche\.me/[^)\s]*\)")


def set_up_logs(form: str, process: str, zone: str | None = None, secrets: Collection[str] = ()) -> None:
    """Let every log line of this process go to standard error.

    A person reads the time in the shop's zone, as everywhere else; a program reads it in UTC.

    Parameters:
        form: `json`, `console`, or `auto`: console on a terminal, else JSON.
        process: what each line says it comes from: `web`, `worker 1`, `clock`.
        zone: the shop's, for the console; None: UTC, which a `Z` tells.
        secrets: words that no line may hold (`worker.edges.secrecy.secrets_of`).
    """
    secrecy = Secrecy(secrets)
    terminal = sys.stderr.isatty()
    console = form == "console" or (form == "auto" and terminal)
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _naming(process),
        _local_time(zone) if console else structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[structlog.types.Processor]
    if console:
        # plain tracebacks: the prettier ones print local variables, and with them addresses and keys
        printing = structlog.dev.ConsoleRenderer(
            colors=terminal, pad_event_to=0, pad_level=False, exception_formatter=structlog.dev.plain_traceback
        )
        renderer = [_short, _masking(printing, secrecy)]
    else:
        writing = structlog.processors.JSONRenderer(ensure_ascii=False)
        renderer = [structlog.processors.format_exc_info, _masking(writing, secrecy)]
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)
    sys.excepthook = _unforeseen
    threading.excepthook = lambda fault: _unforeseen(fault.exc_type, fault.exc_value, fault.exc_traceback)


def _unforeseen(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Log what ends a process or one of its threads: Python's own word to standard error would mask nothing."""
    if error is not None and not issubclass(kind, KeyboardInterrupt | SystemExit):
        logging.getLogger(__name__).critical("ended by a fault that nobody foresaw", exc_info=(kind, error, trace))


def _local_time(zone: str | None) -> structlog.types.Processor:
    told, form = (UTC, "%H:%M:%SZ") if zone is None else (ZoneInfo(zone), "%H:%M:%S")

    def stamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["timestamp"] = datetime.now(told).strftime(form)
        return event

    return stamp


def _naming(process: str) -> structlog.types.Processor:
    def name(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return name


def _masking(render: structlog.types.Processor, secrecy: Secrecy) -> structlog.types.Processor:
    """Mask what must not be read in the finished line: a database's error quotes the row that it is about.

    What such an error says of a page about errors in general goes too.
    """

    def line(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        return harmless(_BACKGROUND.sub("", secrecy.masked(str(render(logger, method, event)))))

    return line


def _short(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put the process before the line and drop the module's name, which a person at a terminal does not need."""
    event.pop("logger", None)
    event["event"] = f"{event.pop('process', '')}: {event.get('event', '')}"
    return event
