"""The requests of the benchmarks, as values that can be sent to client processes."""

import random
from dataclasses import dataclass

from crm.clients import clients_pb2 as pb
from crm.common.common_pb2 import Pagination

CREATE = "/clients.ClientBaseService/Create"
GET = "/clients.ClientBaseService/Get"
LIST = "/clients.ClientBaseService/List"
_PAGE = 10


@dataclass(frozen=True, slots=True)
class Creations:
    """Clients that nobody has created: *first* is the first of the phone numbers, all different."""

    first: int

    def __call__(self, number: int) -> bytes:
        """Return the creation of client *number*; its phone makes the index of duplicates work."""
        return pb.CreateClientBaseRequest(
            nom="Banc",
            prenom="Essai",
            email="essai@exemple.fr",
            telephone=f"+336{(self.first + number) % 10**8:08d}",
        ).SerializeToString()


@dataclass(frozen=True, slots=True)
class Gets:
    """Clients by id, one after another in no order."""

    ids: tuple[str, ...]

    def __call__(self, number: int) -> bytes:
        """The request of one of the clients."""
        return pb.GetClientBaseRequest(id=random.choice(self.ids)).SerializeToString()


@dataclass(frozen=True, slots=True)
class Lists:
    """The first ten clients of the organisation of the token."""

    def __call__(self, number: int) -> bytes:
        """The request of a page of ten."""
        return pb.ListClientBasesRequest(pagination=Pagination(page_size=_PAGE)).SerializeToString()


@dataclass(frozen=True, slots=True)
class Searches:
    """Clients whose names or numbers hold *words*."""

    words: str

    def __call__(self, number: int) -> bytes:
        """The request of a page of ten."""
        page = Pagination(page_size=_PAGE)
        return pb.ListClientBasesRequest(search=self.words, pagination=page).SerializeToString()
