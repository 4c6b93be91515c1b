"""Examples of resources, made as a client makes them: what a service asks for is given.

A Create that is refused names the field at fault; it gets the value that its name stands for, and
the call is made again. A field of which this page knows nothing gets a text. Where that is not
enough, the service's own tests have a module `samples_<service>.py`: VALUES are values by the name
of a field, or functions that make one of a number; by the name of a resource, FIELDS are such values
that are given to each Create, and CHANGES are a field and three values for Updates. MADE_ELSEWHERE names
resources that are only made of what other services hold: the service's own tests see to them.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Any

import grpc
from grpc import StatusCode
from service_testing import Mesh, Refusal, pages, refusal
from service_testing.refusals import read
from stdnum import luhn

from tests.conformance.resources import RESOURCES, Method, Resource, told

_numbers = count(1)
_MOST_FIELDS = 12

Value = Callable[[int], object]


def _with_check_digit(digits: str) -> str:
    return digits + luhn.calc_check_digit(digits)


def _siren(number: int) -> str:
    return _with_check_digit(f"{number + 10_000_000:08}")


VALUES: Mapping[str, Value] = {
    "a": lambda number: [{"email": f"personne-{number}@exemple.fr"}],
    "code": lambda number: f"CODE_{number}",
    "code_postal": lambda number: "75002",
    "telephone": lambda number: "0612345678",
    "siren": _siren,
    "siret": lambda number: _with_check_digit(f"{_siren(number)}0001"),
}


class Caller:
    """Members of *organisation*, "" for somebody of none, or a service that works for it.

    What services alone may do is done by the service that has the method, for that organisation.
    """

    def __init__(self, mesh: Mesh, organisation: str, *, is_service: bool = False) -> None:
        self.organisation = organisation
        self._mesh, self._is_service = mesh, is_service
        self._channels: dict[tuple[str, bool, int], grpc.aio.Channel] = {}
        self._left_to_services: set[str] = set()
        self._user = next(_numbers)
        self._asked: dict[str, dict[str, object]] = {}

    async def call(self, method: Method, **fields: object) -> Any:
        """The response of *method* to a request of *fields*."""
        return await self.send(method, method.request(**fields))

    async def send(self, method: Method, request: Any) -> Any:
        """The response of *method* to *request*."""
        as_service = self._is_service or method.internal or method.contract in self._left_to_services
        unary: Any = self._channel(method.service, as_service).unary_unary(
            method.path, type(request).SerializeToString, method.response.FromString
        )
        return await unary(request)

    async def make(self, resource: Resource, **fields: object) -> Any:
        """A new *resource* with *fields*. Raises AssertionError when the service wants something else."""
        made, _ = await self.made(resource, **fields)
        return made

    async def made(self, resource: Resource, **fields: object) -> tuple[Any, dict[str, object]]:
        """The same, with the fields that it was made of."""
        assert resource.create is not None
        number = next(_numbers)
        fields = {name: _made_of(value, number) for name, value in given(resource).items()} | fields
        for _ in range(_MOST_FIELDS):
            try:
                return resource.of(await self.call(resource.create, **fields)), fields
            except grpc.aio.AioRpcError as error:
                refused = read(error)
            if refused.reason == "EXISTE_DEJA" and "id" in refused.metadata:  # it came with its parent
                return await self.find(resource, refused.metadata["id"]), fields
            await self._give(resource.create, fields, refused, number)
        raise AssertionError(f"{resource.name} cannot be made of {fields}")

    async def another(self, resource: Resource, fields: Mapping[str, object]) -> Any:
        """One more *resource* like that made of *fields*, where values that may occur once are new."""
        assert resource.create is not None
        kept, number = given(resource), next(_numbers)
        fresh = {
            name: value
            if name in kept or parent_of(resource.service, name)
            else _value(resource.service, name, number)
            for name, value in fields.items()
        }
        return resource.of(await self.call(resource.create, **fresh))

    async def asked(self, method: Method) -> dict[str, object]:
        """The fields without which the list *method* is not answered, of rows that exist."""
        if method.name not in self._asked:
            self._asked[method.name] = await self._found_out(method)
        return self._asked[method.name]

    async def _found_out(self, method: Method) -> dict[str, object]:
        fields: dict[str, object] = {}
        for field in method.fields:
            parent = parent_of(method.service, field)
            if parent and belongs(parent):
                fields[field] = (await self.make(parent)).id
        for _ in range(_MOST_FIELDS):
            try:
                await self.call(method, **fields)
            except grpc.aio.AioRpcError as error:
                await self._give(method, fields, read(error), next(_numbers))
            else:
                return fields
        raise AssertionError(f"{method.name} cannot be asked with {fields}")

    async def refused(self, method: Method, **fields: object) -> Refusal:
        """How *method* is refused, once it has the texts that it asks for."""
        texts = {one.name for one in method.descriptor.input_type.fields if one.type == one.TYPE_STRING}
        for _ in range(_MOST_FIELDS):
            answer = await refusal(self.call(method, **fields))
            if answer.reason != "CHAMP_REQUIS" or answer.metadata["champ"] not in texts - fields.keys():
                return answer
            await self._give(method, fields, answer, next(_numbers))
        raise AssertionError(f"{method.name} cannot be called with {fields}")

    async def find(self, resource: Resource, identity: str, **fields: object) -> Any:
        """The *resource* of this id in its list of *fields*. Raises AssertionError when it is not there."""
        assert resource.listing is not None
        request = resource.listing.request(pagination={"page_size": 100}, **fields)
        async for page in pages(partial(self.send, resource.listing), request):
            for row in resource.rows(page):
                if row.id == identity:
                    return row
        raise AssertionError(f"{resource.name} {identity} is in no list")

    async def lists(self, resource: Resource, identity: str, **fields: object) -> bool:
        """Whether it is in the list of *fields*; nothing is in a list that is refused."""
        try:
            return await self.find(resource, identity, **fields) is not None
        except (AssertionError, grpc.aio.AioRpcError):
            return False

    async def _give(self, method: Method, fields: dict[str, object], refused: Refusal, number: int) -> None:
        """What *refused* says is missing: the right to call *method*, or a field."""
        if refused.code == StatusCode.PERMISSION_DENIED:
            assert method.contract not in self._left_to_services, refused
            self._left_to_services.add(method.contract)
            return
        if refused.code == StatusCode.RESOURCE_EXHAUSTED:  # somebody has made enough of them
            self._user = next(_numbers)
            return
        name = refused.metadata.get("champ", "")
        known = name and name not in fields
        assert known, f"{method.name} of {fields}: {refused}: say in a module of samples what {name} holds"
        parent = parent_of(method.service, name)
        fields[name] = (await self.make(parent)).id if parent else _value(method.service, name, number)

    def _channel(self, service: str, as_service: bool) -> grpc.aio.Channel:
        key = service, as_service, self._user
        if key not in self._channels:
            name, mesh = self.organisation, self._mesh
            self._channels[key] = (
                mesh.service_channel(service, caller=service, organisation=name or "")
                if as_service
                else mesh.channel(service, mesh.secrets.token(user=f"membre-{self._user}", organisation=name))
            )
        return self._channels[key]


def given(resource: Resource) -> dict[str, object]:
    """The fields that each Create of *resource* is given."""
    return dict(told(resource.service, "FIELDS").get(resource.kind.name, {}))


def _made_of(value: object, number: int) -> object:
    return value(number) if callable(value) else value


def _value(service: str, name: str, number: int) -> object:
    own = told(service, "VALUES")
    if name in own:
        return _made_of(own[name], number)
    if name in VALUES:
        return VALUES[name](number)
    if "email" in name:
        return f"personne-{number}@exemple.fr"
    return f"essai-{number}" if name.endswith("_id") else f"Essai {number}"


def belongs(resource: Resource) -> bool:
    """Whether it is a row of an organisation, by itself or by what it belongs to."""
    fields = resource.kind.fields_by_name
    parents = (parent_of(resource.service, field) for field in fields if field != "organisation_id")
    return "organisation_id" in fields or any(belongs(parent) for parent in parents if parent)


def parent_of(service: str, field: str) -> Resource | None:
    """The resource of *service* whose id *field* holds."""
    wanted = field.removesuffix("_id").replace("_", "") if field.endswith("_id") else ""
    siblings = (one for one in RESOURCES if one.service == service and one.create)
    return next((one for one in siblings if one.kind.name.lower() == wanted), None)
