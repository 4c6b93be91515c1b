"""Hostile calls: metadata that clients of gRPC do not send, over bare HTTP/2."""

from collections.abc import Callable

import grpc
import pytest
from service_testing.http2 import Headers
from service_testing.probe import Probe, bearer

Member = Callable[[bytes], Headers]

REFUSED: dict[str, Member] = {
    "no metadata": lambda t: [],
    "nothing in it": lambda t: [(b"authorization", b"")],
    "the scheme alone": lambda t: [(b"authorization", b"Bearer")],
    "the scheme and a space": lambda t: [(b"authorization", b"Bearer ")],
    "no scheme": lambda t: [(b"authorization", t)],
    "a lower case scheme and two spaces": lambda t: [(b"authorization", b"bearer  " + t)],
    "another scheme": lambda t: [(b"authorization", b"Token " + t)],
    "basic": lambda t: [(b"authorization", b"Basic " + t)],
    "no space": lambda t: [(b"authorization", b"Bearer" + t)],
    "two spaces": lambda t: [(b"authorization", b"Bearer  " + t)],
    "a tab": lambda t: [(b"authorization", b"Bearer\t" + t)],
    "a colon": lambda t: [(b"authorization", b"Bearer: " + t)],
    "a space before": lambda t: [(b"authorization", b" Bearer " + t)],
    "a space behind": lambda t: [(b"authorization", b"Bearer " + t + b" ")],
    "Latin-1": lambda t: [(b"authorization", b"Bearer " + t + b"\xff")],
    "Latin-1 scheme": lambda t: [(b"authorization", b"B\xe9arer " + t)],
    "a realm": lambda t: [(b"authorization", b'Bearer realm="crm" ' + t)],
    "twice the same": lambda t: [*bearer(t), *bearer(t)],
    "twice, the first one bad": lambda t: [*bearer(b"a.b.c"), *bearer(t)],
    "twice, the second one bad": lambda t: [*bearer(t), *bearer(b"a.b.c")],
    "twice, the second one empty": lambda t: [*bearer(t), (b"authorization", b"")],
    "joined by a comma": lambda t: [(b"authorization", b"Bearer " + t + b",Bearer " + t)],
    "hundred times": lambda t: [*bearer(b"a.b.c")] * 100,
    "binary metadata": lambda t: [(b"authorization-bin", b"QmVhcmVyIGEuYi5j")],
    "x-authorization": lambda t: [(b"x-authorization", b"Bearer " + t)],
    "proxy-authorization": lambda t: [(b"proxy-authorization", b"Bearer " + t)],
    "grpc-authorization": lambda t: [(b"grpc-authorization", b"Bearer " + t)],
    "authorisation": lambda t: [(b"authorisation", b"Bearer " + t)],
    "a token header": lambda t: [(b"token", t), (b"x-access-token", t)],
    "a cookie": lambda t: [(b"cookie", b"authorization=Bearer " + t)],
    "names of users": lambda t: [(b"x-user-id", b"user-1"), (b"x-forwarded-user", b"user-1")],
    "names of gateways": lambda t: [(b"x-forwarded-for", b"127.0.0.1"), (b"x-real-ip", b"127.0.0.1")],
    "roles": lambda t: [(b"x-roles", b"ADMIN"), (b"x-admin", b"true")],
    "an original address": lambda t: [(b"x-original-url", b"/grpc.health.v1.Health/Check")],
}

BROKEN: dict[str, tuple[Member, grpc.StatusCode]] = {
    "a header in capitals": (
        lambda t: [(b"Authorization", b"Bearer " + t)],
        grpc.StatusCode.INTERNAL,
    ),
    "seventeen kilobytes in a value": (
        lambda t: [*bearer(t), (b"x-large", b"x" * 17_000)],
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ),
    "a hundred kilobytes in a value": (
        lambda t: [*bearer(t), (b"x-large", b"x" * 100_000)],
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ),
    "four thousand headers": (
        lambda t: [*bearer(t), *((b"x-%d" % number, b"x") for number in range(4000))],
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ),
    "a very long name": (
        lambda t: [*bearer(t), (b"x" * 20_000, b"x")],
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ),
    "a compression nobody knows": (
        lambda t: [*bearer(t), (b"grpc-encoding", b"snappy")],
        grpc.StatusCode.INTERNAL,
    ),
}


@pytest.mark.parametrize("member", REFUSED.values(), ids=REFUSED)
async def test_metadata_that_is_not_one_exact_bearer_is_unauthenticated(probe: Probe, member: Member) -> None:
    """Each member lacks exactly one `authorization` in its exact form; no other metadata proves a caller."""
    await probe.refuses(member(probe.token().encode()))


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_metadata_that_break_the_protocol_end_the_call(
    probe: Probe, broken: tuple[Member, grpc.StatusCode]
) -> None:
    """The transport itself refuses these metadata, a good token beside them or not."""
    member, code = broken
    await probe.refuses(member(probe.token().encode()), code=code)


ACCEPTED: dict[str, Headers] = {
    "metadata in Latin-1": [(b"x-city", b"Orl\xe9ans")],
    "binary metadata": [(b"trace-bin", b"AAEC")],
    "an absurd timeout": [(b"grpc-timeout", b"99999999H")],
    "eight kilobytes of metadata": [(b"x-large", b"x" * 8000)],
    "identities that are not read": [(b"x-user-id", b"admin"), (b"x-internal-service", b"email")],
}


@pytest.mark.parametrize("metadata", ACCEPTED.values(), ids=ACCEPTED)
async def test_strange_metadata_beside_a_good_token_mean_nothing(probe: Probe, metadata: Headers) -> None:
    """Metadata that we do not read change nothing about who the caller is."""
    identity = await probe.accepts([*bearer(probe.token()), *metadata])
    assert (identity.kind, identity.subject) == ("user", "user-1")


@pytest.mark.parametrize("scheme", [b"bearer", b"BEARER", b"bEaReR"])
async def test_C5_the_scheme_may_have_any_case(probe: Probe, scheme: bytes) -> None:
    """The scheme is compared without case, as in HTTP (RFC 9110, section 11.1)."""
    assert (await probe.accepts([(b"authorization", scheme + b" " + probe.token().encode())])).kind == "user"


@pytest.mark.parametrize(
    "spelling",
    [b"", b" ", b"a b", b"\xe9", b"../..", b"${x}", b"x" * 65],
    ids=lambda spelling: repr(spelling[:12]),
)
async def test_C16_an_unsafe_correlation_id_is_replaced(probe: Probe, spelling: bytes) -> None:
    """The answer carries a new id instead of the unsafe one."""
    answer = await probe.refuses([(b"x-correlation-id", spelling)])
    assert answer.headers["x-correlation-id"] not in ("", spelling.decode("latin-1"))


@pytest.mark.parametrize(("first", "second"), [(b"a", b"b"), (b"b", b"a"), (b"a", b"")])
async def test_C16_of_several_correlation_ids_the_first_counts(
    probe: Probe, first: bytes, second: bytes
) -> None:
    """The answer carries the first one, whatever the others are."""
    answer = await probe.refuses([(b"x-correlation-id", first), (b"x-correlation-id", second)])
    assert answer.headers["x-correlation-id"] == first.decode()


async def test_C16_a_safe_correlation_id_comes_back(probe: Probe) -> None:
    """The answer carries the id of the caller, also with a refusal."""
    answer = await probe.refuses([(b"x-correlation-id", b"Trace_1.2-3")])
    assert answer.headers["x-correlation-id"] == "Trace_1.2-3"
