"""Work for another process: the ids of rows that a committed transaction made or made ready."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """Ids of rows that somebody should look at soon; losing it loses nothing, the sweep finds them too.

    Parameters:
        events: received events to process.
        journeys: journeys that are due.
        messages: queued messages that may go now.
        hits: recorded hits to class and take into account.
        webhooks: what other systems are to be told.
        wrote: customers whose record a step changed. Nobody else's work: whoever ends the transaction has their
            journeys look again, once nobody in it decides any more (`worker.engine.writing_fields.tell_of`).
    """

    events: tuple[int, ...] = ()
    journeys: tuple[int, ...] = ()
    messages: tuple[int, ...] = ()
    hits: tuple[int, ...] = ()
    webhooks: tuple[int, ...] = ()
    wrote: tuple[int, ...] = ()

    def __add__(self, other: Work) -> Work:
        return Work(
            self.events + other.events,
            self.journeys + other.journeys,
            self.messages + other.messages,
            self.hits + other.hits,
            self.webhooks + other.webhooks,
            self.wrote + other.wrote,
        )

    def __bool__(self) -> bool:
        return bool(self.events or self.journeys or self.messages or self.hits or self.webhooks)
