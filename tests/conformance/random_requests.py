"""Random requests to every method of a service, and the callers that send them."""

import importlib
import random
from collections.abc import Callable
from typing import Any

import grpc
from crm.common import common_pb2
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from service_kit import Service
from service_testing import Mesh

SEED = 20260301
FAILURES = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
# How a request may be refused (C7); what is away, too slow or missing would be a fault of the service.
MEANT = {
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAUTHENTICATED,
}
DEPTH = 3

TEXTS = [
    *(
        "",
        " ",
        "a",
        "org-fuzz",
        "org-other",
        "0",
        "-1",
        "true",
        "null",
        "2026-02-30",
        "2026-03-01",
        "0000-00-00",
    ),
    *(
        "a" * 64,
        "a" * 65,
        "é" * 300,
        "x" * 20_000,
        "\n\t",
        "\0",
        "a\0b",
        "\u202e",
        "\ufffe",
        "\U0001f600" * 9,
    ),
    *("e\u0301" * 80, "' OR ''='", "%_\\", "../../x", "{{7*7}}", "<script>", "a@b.fr", "a@" + "b" * 300),
    *("+33612345678", "06 12 34 56 78", "732829320", "FR44732829320", "EUR", "PRINCIPALE", "ENTREPRISE"),
    *("created_at", "nom", "asc", "DESC", "00000000-0000-0000-0000-000000000000", "ﬁ", "İ", "\u1e9e"),
]
INTEGERS = [0, 1, -1, 2, 20, 101, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63)]
DOUBLES = [0.0, -0.0, 1.005, -1.0, 1e12, 1e308, -1e308, 5e-324, float("inf"), float("-inf"), float("nan")]


def unmeant(error: grpc.aio.AioRpcError) -> bool:
    """Whether *error* is a fault of the service, whatever it was sent."""
    return error.code() not in MEANT


class Requests:
    """Random requests, the same in every run; what a service answers makes the next ones better."""

    def __init__(self) -> None:
        self.rng = random.Random(SEED)
        self._ids: dict[str, list[str]] = {}
        self._good: dict[str, list[bytes]] = {}
        self._nastiness = 0.0

    def learn(self, method: MethodDescriptor, body: bytes, response: Any) -> None:
        """Remember a request that was answered, and the id of what it is about."""
        self._good.setdefault(method.full_name, []).append(body)
        if "id" in response.DESCRIPTOR.fields_by_name:
            self._ids.setdefault(response.DESCRIPTOR.name, []).append(response.id)

    def answered(self, method: MethodDescriptor) -> int:
        """How many requests of *method* were good."""
        return len(self._good.get(method.full_name, ()))

    def body(self, method: MethodDescriptor) -> bytes:
        """The bytes of a request of *method*: mostly a message, sometimes damaged, sometimes noise."""
        if self.rng.random() < 0.1:
            return self.rng.randbytes(self.rng.randrange(60))
        self._nastiness = self.rng.choice((0.0, 0.1, 1.0))
        kind = GetMessageClass(method.input_type)
        if kind.DESCRIPTOR.fields and self.answered(method) and self.rng.random() < 0.5:
            message = kind.FromString(self.rng.choice(self._good[method.full_name]))
            self.fill(message, self.rng.choice(message.DESCRIPTOR.fields), DEPTH)
        else:
            message = self.message(kind(), DEPTH)
        raw = bytearray(message.SerializeToString())
        if raw and self.rng.random() < 0.1:
            raw[self.rng.randrange(len(raw))] = self.rng.randrange(256)
        return bytes(raw)

    def message(self, message: Message, depth: int) -> Message:
        """*message* with some of its fields filled."""
        density = self.rng.choice((0.2, 0.5, 0.9))
        for field in message.DESCRIPTOR.fields:
            if self.rng.random() < density:
                self.fill(message, field, depth)
        return message

    def fill(self, message: Any, field: Any, depth: int) -> None:
        """Give *field* of *message* one value, or some."""
        if field.message_type is None:
            values = [self.value(field) for _ in range(self.rng.choice((0, 1, 2, 101)))]
            if field.is_repeated:
                getattr(message, field.name).extend(values)
            else:
                setattr(message, field.name, self.value(field))
        elif depth and field.is_repeated and not field.message_type.GetOptions().map_entry:
            self.message(getattr(message, field.name).add(), depth - 1)
        elif depth and not field.is_repeated:
            getattr(message, field.name).SetInParent()
            self.message(getattr(message, field.name), depth - 1)

    def value(self, field: Any) -> Any:
        """A value of the type of *field*, preferably at the edge."""
        kind = field.cpp_type
        if kind == FieldDescriptor.CPPTYPE_STRING:
            text = self.text(field.name, field.containing_type.name)
            return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
        if kind in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
            return self.rng.choice(DOUBLES)
        if kind == FieldDescriptor.CPPTYPE_BOOL:
            return self.rng.random() < 0.5
        if kind == FieldDescriptor.CPPTYPE_ENUM:
            return self.rng.choice(INTEGERS[:6])
        if kind in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64):
            return abs(self.rng.choice(INTEGERS[:8]))
        return self.rng.choice(INTEGERS[:8] if kind == FieldDescriptor.CPPTYPE_INT32 else INTEGERS)

    def text(self, name: str, message: str) -> str:
        """A text for the field *name* of *message*: a nasty one, or one that may be right."""
        if self.rng.random() < self._nastiness:
            return self.rng.choice(TEXTS)
        if name == "organisation_id":
            return "org-fuzz"
        wanted = message if name == "id" else name.removesuffix("_id").title().replace("_", "")
        known = [ids[-5:] for kind, ids in self._ids.items() if kind in wanted]
        return self.rng.choice(self.rng.choice(known)) if known else self.rng.choice(("", "Test"))


def methods_of(service: Service) -> list[MethodDescriptor]:
    """Every method with one request and one response, those that leave nothing to try less often."""
    module = importlib.import_module(f"crm.{service.name}.{service.name}_pb2")
    contracts = module.DESCRIPTOR.services_by_name.values()
    methods = [method for contract in contracts for method in contract.methods]
    unary = [method for method in methods if not (method.client_streaming or method.server_streaming)]
    return [method for method in unary for _ in range(1 if method.name == "Delete" else 4)]


class Callers:
    """People of two kinds, and the service itself, who call *service*; *failures* are what nobody meant.

    *sent* counts the calls that have ended.
    """

    def __init__(
        self, mesh: Mesh, service: Service, is_failure: Callable[[grpc.aio.AioRpcError], bool] = unmeant
    ) -> None:
        self.requests, self.failures = Requests(), list[tuple[str, str, bytes]]()
        self.sent = 0
        self._methods, self._is_failure = methods_of(service), is_failure
        tokens = [mesh.secrets.token(organisation=name) for name in ("org-fuzz", None)]
        self._people = [mesh.channel(service.name, token) for token in tokens]
        self._inside = [mesh.service_channel(service.name, caller=service.name)]

    async def call(self, number: int, metadata: tuple[tuple[str, str], ...] = ()) -> None:
        """Send one more request, to the method whose turn it is."""
        method = self._methods[number % len(self._methods)]
        internal = method.GetOptions().Extensions[common_pb2.internal]
        body = self.requests.body(method)
        channel = self.requests.rng.choice(self._inside if internal else self._people)
        assert method.containing_service is not None
        unary: Any = channel.unary_unary(f"/{method.containing_service.full_name}/{method.name}")
        try:
            raw = await unary(body, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            if self._is_failure(error):
                self.failures.append((method.full_name, error.code().name, body))
        else:
            response: Any = GetMessageClass(method.output_type).FromString(raw)
            self.requests.learn(method, body, response)
        self.sent += 1

    @property
    def answered(self) -> int:
        """How many requests were good."""
        return sum(map(self.requests.answered, set(self._methods)))
