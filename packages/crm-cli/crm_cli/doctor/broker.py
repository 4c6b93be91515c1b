"""Checks of NATS: reachable, taking messages, with streams and consumers as declared."""

from collections.abc import AsyncIterator, Sequence

import httpx
from db_utils import clock
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError, ServiceUnavailableError
from nats_utils import Subscription, connect_once, different_settings
from service_kit import Service

from crm_cli.doctor.findings import Finding, ago, fail, ok, warn
from crm_cli.streams import declared

_SLOW_CONSUMER = 60.0  # seconds an event may wait for its effect
_START = "start it, or correct NATS_URL"
_FROZEN = (
    "free disk space if it is full, then restart nats-server: a frozen stream does not recover by itself"
)


async def examine(url: str, monitoring_url: str, services: Sequence[Service]) -> AsyncIterator[Finding]:
    """All about the broker at *url*; *monitoring_url* is its HTTP port, "" without one."""
    try:
        client = await connect_once(url, "crm-doctor")
    except (NatsError, OSError) as error:
        yield fail(
            "broker", f"{url} does not answer: {type(error).__name__}", "start it, or correct NATS_URL"
        )
        return
    try:
        js = client.jetstream(timeout=3)
        version = client.connected_server_version
        text = f"nats-server {version.major}.{version.minor}.{version.patch}"
        yield await _server(js, text, monitoring_url)
        async for finding in _streams(js):
            yield finding
        for service in services:
            for subscription in service.subscriptions:
                yield await _consumer(js, service.name, subscription)
    except (NatsError, OSError) as error:
        yield fail("broker", f"JetStream does not answer: {type(error).__name__}", _FROZEN)
    finally:
        await client.close()


async def _server(js: JetStreamContext, text: str, monitoring_url: str) -> Finding:
    if monitoring_url and (sick := await _sickness(monitoring_url)):
        return fail("broker", f"{text}: {sick}", _FROZEN)
    try:
        account = await js.account_info()
    except ServiceUnavailableError:
        return fail("broker", f"{text} without JetStream", "start it with -js")
    used, most = account.storage, account.limits.max_storage
    fact = f"{text}, {account.streams} streams, {used / 2**20:.0f} MiB stored"
    if 0 < most < used * 1.1:
        return warn("broker", f"{fact} of {most / 2**20:.0f} MiB allowed", "raise the account's max_storage")
    return ok("broker", fact if monitoring_url else f"{fact}; no monitoring (NATS_MONITORING_URL)")


async def _sickness(monitoring_url: str) -> str:
    """The complaint of /healthz, "" when all is well."""
    try:
        async with httpx.AsyncClient(timeout=3) as client:
            answer = await client.get(f"{monitoring_url}/healthz")
            return "" if answer.is_success else str(answer.json().get("error", answer.text))
    except (httpx.HTTPError, ValueError) as error:
        return f"{monitoring_url}/healthz does not answer ({type(error).__name__})"


async def _streams(js: JetStreamContext) -> AsyncIterator[Finding]:
    for stream in declared():
        subject = f"stream {stream.name}"
        try:
            info = await js.stream_info(stream.name)
        except NotFoundError:
            yield fail(subject, "is missing", "crm migrate")
            continue
        if different := different_settings(stream, info.config):
            remedy = f"nats stream edit {stream.name}, or declare what you want"
            yield fail(subject, f"differs from its declaration in {', '.join(different)}", remedy)
        else:
            yield ok(subject, f"{info.state.messages} messages, as declared")


async def _consumer(js: JetStreamContext, service: str, subscription: Subscription) -> Finding:
    durable, kind = subscription.consumer(service), subscription.kind
    subject = f"consumer {durable}"
    try:
        info = await js.consumer_info(kind.stream, durable)
    except NotFoundError:
        return warn(subject, "does not exist yet", f"start {service}, which makes it")
    behind = (info.num_pending or 0) + (info.num_ack_pending or 0)
    if not behind:
        return ok(subject, "nothing waits")
    age = await _oldest(js, info, kind.subject)
    fact = f"{behind} events wait, the oldest for {ago(age)}"
    if age > _SLOW_CONSUMER:
        return warn(subject, fact, f"is {service} up? Its log says what it waits for")
    return ok(subject, fact)


async def _oldest(js: JetStreamContext, info: ConsumerInfo, subject: str) -> float:
    """The age in seconds of the oldest message that the consumer has not acknowledged."""
    done = info.ack_floor.stream_seq if info.ack_floor is not None else 0
    try:
        message = await js.get_msg(info.stream_name, seq=done + 1, subject=subject, next=True)
    except NotFoundError:
        return 0.0
    return clock.machine() - message.time.timestamp() if message.time else 0.0
