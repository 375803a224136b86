"""What a process reads once at its start, read before anything is started: one that cannot be used is told at once.

A process that ended of it later would be started again and again, while its listening socket holds clients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from worker.delivery.smtp_relay import parse_relays
from worker.delivery.traffic_plan import TrafficPlan
from worker.domain.errors import SettingError
from worker.edges.dkim_keys import dkim_faults
from worker.edges.environment import Home
from worker.edges.imap_address import parse_mailbox
from worker.edges.metrics_key import metrics_faults
from worker.edges.provider_keys import provider_faults
from worker.edges.secrets import secret_faults


def given_faults(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is wrong with the secrets that the environment gives; nothing is made, and none is in it."""
    faults = (*secret_faults(environment), *dkim_faults(environment), *provider_faults(environment))
    return *faults, *metrics_faults(environment)


def look_beforehand(home: Home) -> None:
    """Read what every process would.

    Raises:
        SettingError: of some secret or URL it is said what is wrong, without its value, a line for each.
    """
    settings, environment = home.settings, home.environment
    faults = [*secret_faults(environment), *provider_faults(environment), *metrics_faults(environment)]
    if settings.dkim.sign:  # where mails are not signed, nobody reads the keys
        faults += dkim_faults(environment)
    readers: list[Callable[[], object]] = [lambda: TrafficPlan.of(settings)]
    if (mailbox := settings.bounces.imap_url) is not None:
        readers.append(lambda: parse_mailbox(mailbox))
    if (relays := settings.smtp_url) is not None:
        readers.insert(0, lambda: parse_relays(relays))
    for read in readers:
        try:
            read()
        except SettingError as error:
            faults.append(str(error))
    if faults:
        raise SettingError("\n".join(dict.fromkeys(faults)))
