"""The streams of the bus. A stream with other settings than those declared here is an error."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from nats_utils.events import DEAD_LETTERS_STREAM, EVENTS_STREAM, IDENTITY_STREAM, REVOCATIONS_STREAM

EVENT_AGE = timedelta(days=14)  # shorter than claims are kept (30 days): no message outlives its claims
_UNLIMITED = -1
_ADVISORIES = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"


@dataclass(frozen=True, slots=True)
class Stream:
    """The settings of a stream that we choose.

    Messages are kept for *max_age*; one whose id came within *duplicate_window* before is not
    stored again. With *last_per_subject* a message replaces the former one of its subject.
    """

    name: str
    subjects: tuple[str, ...]
    max_age: timedelta
    duplicate_window: timedelta = timedelta(minutes=2)
    replicas: int = 1
    last_per_subject: bool = False

    def config(self) -> StreamConfig:
        """All settings, as the server takes them: on disk, limited by age alone, never purged or edited."""
        return StreamConfig(
            name=self.name,
            subjects=list(self.subjects),
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=self.max_age.total_seconds(),
            max_msgs=_UNLIMITED,
            max_bytes=_UNLIMITED,
            max_msgs_per_subject=1 if self.last_per_subject else _UNLIMITED,
            max_msg_size=_UNLIMITED,
            duplicate_window=self.duplicate_window.total_seconds(),
            num_replicas=self.replicas,
            deny_delete=True,
            deny_purge=True,
            allow_rollup_hdrs=False,
            allow_direct=self.last_per_subject,
        )


STREAMS: Final = (
    Stream(EVENTS_STREAM, ("crm.events.>",), EVENT_AGE),
    Stream(IDENTITY_STREAM, ("crm.identity.>",), EVENT_AGE),
    Stream(DEAD_LETTERS_STREAM, ("crm.dlq.>",), timedelta(days=30)),
    Stream(REVOCATIONS_STREAM, ("$KV.CRM_REVOCATIONS.>",), timedelta(hours=24), last_per_subject=True),
    Stream("CRM_ADVISORIES", (_ADVISORIES,), timedelta(days=30)),
)

# What decides on the keeping of messages; a difference in any other setting loses none.
_COMPARED = (
    "subjects",
    "retention",
    "storage",
    "discard",
    "max_age",
    "max_msgs",
    "max_bytes",
    "max_msgs_per_subject",
    "max_msg_size",
    "duplicate_window",
    "num_replicas",
    "deny_delete",
    "deny_purge",
    "allow_rollup_hdrs",
)


class StreamDrift(RuntimeError):
    """A stream exists with settings that differ from its declaration; the message names them."""

    def __init__(self, stream: str, differences: list[str]) -> None:
        super().__init__(
            f"stream {stream} differs from its declaration in {', '.join(differences)}: bring it in "
            f"line with `nats stream edit {stream}`, or declare what you want"
        )


def declared(*, replicas: int = 1, duplicate_window: timedelta | None = None) -> tuple[Stream, ...]:
    """The streams with *replicas* copies of each (3 in a cluster) and this *duplicate_window*."""
    streams = (replace(stream, replicas=replicas) for stream in STREAMS)
    if duplicate_window is not None:
        streams = (replace(stream, duplicate_window=duplicate_window) for stream in streams)
    return tuple(streams)


def different_settings(stream: Stream, found: StreamConfig) -> list[str]:
    """The settings of the broker's *found* that differ from *stream*, each as "name (… instead of …)"."""
    wanted = stream.config()
    pairs = ((name, getattr(found, name), getattr(wanted, name)) for name in _COMPARED)
    return [
        f"{name} ({is_now!r} instead of {declared!r})"
        for name, is_now, declared in pairs
        if is_now != declared
    ]


async def declare(js: JetStreamContext, streams: tuple[Stream, ...]) -> list[str]:
    """Create the *streams* that are missing; the names of those. Raises StreamDrift, changing nothing."""
    created = []
    for stream in streams:
        try:
            found = (await js.stream_info(stream.name)).config
        except NotFoundError:
            await js.add_stream(stream.config())
            created.append(stream.name)
            continue
        if different := different_settings(stream, found):
            raise StreamDrift(stream.name, different)
    return created
