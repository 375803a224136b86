"""A dramatiq broker on Redis whose idle consumers are woken at once, instead of looking again and again.

A message that comes into an empty queue also rings a doorbell, a short list beside it; an idle consumer blocks on that
list (BLPOP) and then fetches. A lost ring costs two seconds and loses nothing: a consumer looks that often anyway,
which is also its sign of life. Messages of a consumer that gave no sign for ten seconds are taken back by others.

What waits is taken together: a consumer that has a thread free fetches several messages, and makes one of those
that ask for the same kind of work; and one that fetched some a moment ago lets others come first. So the busier the
house, the less a row costs it, and what comes alone is done at once. Of a queue whose work is quick more is fetched
beside what is in hand only once that turns out to be slow: two threads that work stand in each other's way.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import uuid4

import redis
import structlog
from dramatiq import DecodeError, Message
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker

from worker.edges.redis_client import open_client

NAMESPACE = "phin"
HEARTBEAT_TIMEOUT = 10_000  # milliseconds without a sign of life after which a consumer's messages are taken back
LOOK_EVERY = 2  # seconds; an idle consumer fetches that often although no bell rang
RINGS = 16  # rings kept: more than there are consumers to wake
RING_EXPIRY = 60  # seconds; after that the bell of a house with nobody in it is forgotten
PATIENCE = 5.0  # seconds that a consumer waits for the server's answer
LONGEST_PAUSE = 2.0  # seconds between two tries to reach a server that is away
TOGETHER = 50  # messages that are fetched at a time, to be worked on together
APART = 0.03  # seconds between two fetches of a consumer that each find something
SLOW = 0.2  # seconds that work is in hand after which more is fetched to be done beside it, as it waits for a relay
TELL_EVERY = 60.0  # seconds between two lines of the log about jobs that cannot be read
MOST_ROWS = 25  # ids in what is made one of several messages: what follows from them waits for the last

_log = structlog.get_logger(__name__)


class DoorbellBroker(RedisBroker):
    """Enqueues ids and wakes a consumer; knows no delays, no retries, no results.

    Parameters:
        url: the server.
        timeout: seconds that it may take to answer; short where a customer's request waits for it.
        one_by_one: queues of which a consumer fetches more only once what it has in hand is slow.
    """

    def __init__(self, url: str, *, timeout: float = PATIENCE, one_by_one: Collection[str] = ()) -> None:
        super().__init__(  # type: ignore[no-untyped-call]  # dramatiq gives its Redis broker no types
            client=open_client(url, timeout=timeout),
            middleware=[],
            namespace=NAMESPACE,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
        )
        self.url = url
        self.lengths: dict[str, int] = {}  # of each queue, as it was after the last message
        self.outage = _Outage()
        self._one_by_one = one_by_one

    def bell(self, queue_name: str) -> str:
        """Return the name of the list that rings for this queue."""
        return f"{self.namespace}:{queue_name}.bell"

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue, without the twin for delayed messages that dramatiq would watch."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Enqueue the message, and ring where nothing waited.

        Raises:
            ValueError: a delay was given; what is to happen later is a row with a due time.
            redis.RedisError: the server cannot be reached.
        """
        if delay is not None:
            raise ValueError("Phin delays nothing in the queue; write a row with its due time")
        name = message.queue_name
        enqueued = message.copy(options={"redis_message_id": uuid4().hex})
        with self.client.pipeline(transaction=False) as pipeline:  # what dramatiq's script does, without its trip
            pipeline.hset(f"{self.namespace}:{name}.msgs", _identities(enqueued)[0], enqueued.encode())
            pipeline.rpush(f"{self.namespace}:{name}", _identities(enqueued)[0])
            waiting = self.lengths[name] = int(pipeline.execute()[-1])
        if waiting == 1:
            self.ring(name)
        return enqueued

    def ring(self, queue_name: str) -> None:
        """Wake a consumer of this queue, or have the next one that would wait look first.

        Raises:
            redis.RedisError: the server cannot be reached.
        """
        bell = self.bell(queue_name)
        with self.client.pipeline(transaction=False) as pipeline:
            pipeline.lpush(bell, 1)
            pipeline.ltrim(bell, 0, RINGS - 1)
            pipeline.expire(bell, RING_EXPIRY)
            pipeline.execute()

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 0) -> Consumer:  # noqa: ARG002
        """Return a consumer of this queue; it waits for the bell, so dramatiq's time-out means nothing to it."""
        return _DoorbellConsumer(self, queue_name, prefetch, SLOW if queue_name in self._one_by_one else 0.0)

    def acknowledge(self, queue_name: str, identities: Sequence[str]) -> None:
        """Say that these messages are done, all in one trip.

        Raises:
            redis.RedisError: the server cannot be reached.
        """
        with self.client.pipeline(transaction=False) as pipeline:
            pipeline.srem(f"{self.namespace}:__acks__.{self.broker_id}.{queue_name}", *identities)
            pipeline.hdel(f"{self.namespace}:{queue_name}.msgs", *identities)
            pipeline.execute()

    def length(self, queue_name: str) -> int:
        """Return how many messages wait and were not fetched."""
        return int(self.client.llen(f"{self.namespace}:{queue_name}"))

    def clear(self) -> None:
        """Drop all that waits; what is in hand is finished, and looked after by the sweep where its worker dies.

        Raises:
            redis.RedisError: the server cannot be reached.
        """
        keys = [f"{self.namespace}:{name}{part}" for name in self.queues for part in ("", ".msgs")]
        self.client.unlink(*keys)
        self.lengths.clear()

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _should_do_maintenance(self, command: str) -> int:
        # every fetch looks for consumers that died; dramatiq would do so once in a thousand commands
        return int(command == "fetch")


class _Outage:
    """Which of a process's consumers cannot reach the server; told once when the first cannot, and when all can."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.away: set[str] = set()

    def begins(self, queue_name: str, error: redis.RedisError) -> None:
        """Note that the consumer of this queue cannot reach it."""
        with self._lock:
            first = not self.away
            self.away.add(queue_name)
        if first:
            _log.warning("the queue is out of reach, the sweep does its work", why=str(error))

    def ends(self, queue_name: str) -> None:
        """Note that the consumer of this queue can reach it again."""
        with self._lock:
            self.away.discard(queue_name)
            all_back = not self.away
        if all_back:
            _log.info("the queue is back")


class _DoorbellConsumer(Consumer):
    """Fetches, hands over, acknowledges; survives a server that goes away and comes back, empty or not."""

    def __init__(self, broker: DoorbellBroker, queue_name: str, prefetch: int, slow: float) -> None:
        self._broker = broker
        self._slow = slow
        self._queue = queue_name
        self._prefetch = prefetch
        self._bell = open_client(broker.url, timeout=LOOK_EVERY + PATIENCE)
        self._fetched: deque[Message[Any]] = deque()
        self._in_hand: dict[str, float] = {}  # what was handed out and when, each by the first of its messages
        self._room = threading.Event()
        self._unacknowledged: deque[str] = deque(maxlen=10_000)
        self._pause = 0.0
        self._unreadable = 0
        self._tell_from = 0.0
        self._not_before = 0.0

    def __next__(self) -> MessageProxy | None:
        """Return the next message, or None after a while in which there was none."""
        try:
            if not self._fetched:
                self._fetch()
            self._back()
        except redis.RedisError as error:
            self._away(error)
        if not self._fetched:
            return None
        message = self._fetched.popleft()
        self._in_hand[_identities(message)[0]] = time.monotonic()
        return MessageProxy(message)

    def ack(self, message: MessageProxy) -> None:
        """Say that the message is done; where the server is away, say so when it is back."""
        identities = _identities(message)
        try:
            self._broker.acknowledge(self._queue, identities)
        except redis.RedisError:
            self._unacknowledged.extend(identities)
        finally:
            self._in_hand.pop(identities[0], None)
            self._room.set()

    def nack(self, message: MessageProxy) -> None:
        """Drop the message: the row that it names is what counts, and the sweep looks after it."""
        self.ack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back what was fetched and not begun."""
        identities = [identity for message in messages for identity in _identities(message)]
        if identities:
            try:
                self._broker.do_requeue(self._queue, *identities)
                self._broker.ring(self._queue)
            except redis.RedisError as error:
                _log.warning("jobs could not be given back", jobs=len(identities), why=str(error))

    def close(self) -> None:
        """Give back what is in memory and close the connection."""
        waiting = [MessageProxy(message) for message in self._fetched]
        self._fetched.clear()
        self.requeue(waiting)
        self._bell.close()

    def _fetch(self) -> None:
        while self._unacknowledged:
            self._broker.acknowledge(self._queue, [self._unacknowledged[0]])
            self._unacknowledged.popleft()
        time.sleep(max(0.0, self._not_before - time.monotonic()))
        self._room.clear()
        room_in = self._room_in()
        room = room_in == 0
        fetched = self._broker.do_fetch(self._queue, TOGETHER if room else 0)  # with no room: a sign of life only
        decoded = [message for data in fetched if (message := _decoded(data)) is not None]
        self._fetched.extend(_together(decoded))
        self._tell_of_unreadable(len(fetched) - len(decoded))
        if self._fetched:
            self._not_before = time.monotonic() + APART
            if len(fetched) == TOGETHER:  # more may wait than this one takes, and it rings for the first only
                self._broker.ring(self._queue)
            return
        if room:
            self._bell.blpop([self._broker.bell(self._queue)], timeout=LOOK_EVERY)
        else:
            self._room.wait(room_in)

    def _room_in(self) -> float:
        """Return the seconds after which more may be fetched, unless something is done earlier; at most a look's."""
        since = list(self._in_hand.values())
        if len(since) >= self._prefetch:
            return LOOK_EVERY
        return max(0.0, max(since) + self._slow - time.monotonic()) if since else 0.0

    def _tell_of_unreadable(self, count: int) -> None:
        """Say how many jobs are dropped, for their text is gone, as after FLUSHALL, or nobody can read it."""
        self._unreadable += count
        if self._unreadable and time.monotonic() >= self._tell_from:
            _log.error("jobs in the queue cannot be read and are dropped", queue=self._queue, jobs=self._unreadable)
            self._unreadable = 0
            self._tell_from = time.monotonic() + TELL_EVERY

    def _away(self, error: redis.RedisError) -> None:
        if not self._pause:
            self._broker.outage.begins(self._queue, error)
        self._pause = min(LONGEST_PAUSE, max(0.05, self._pause * 2))
        time.sleep(self._pause)

    def _back(self) -> None:
        if self._pause:
            self._broker.outage.ends(self._queue)
        self._pause = 0.0


def _identities(message: Message[Any] | MessageProxy) -> list[str]:
    """Return what the server knows a message by, and those that were made one with it."""
    found: list[str] = message.options.get("together") or [message.options["redis_message_id"]]
    return found


def _together(messages: Iterable[Message[Any]]) -> list[Message[Any]]:
    """Make one of those that ask for the same kind of work; its arguments are theirs, one after the other."""
    made: list[Message[Any]] = []
    growing: dict[str, tuple[int, int]] = {}  # place in `made` and rows, by kind of work
    for message in messages:
        rows = sum(len(ids) for ids in message.args)
        place, before = growing.get(message.actor_name, (len(made), 0))
        if place < len(made) and before + rows <= MOST_ROWS:
            one = made[place]
            options = {"together": [*_identities(one), *_identities(message)]}
            made[place] = one.copy(args=(*one.args, *message.args), options=options)
        else:
            place, before = len(made), 0
            made.append(message)
        growing[message.actor_name] = place, before + rows
    return made


def _decoded(data: bytes | None) -> Message[Any] | None:
    try:
        return None if data is None else Message.decode(data)
    except DecodeError:
        return None
