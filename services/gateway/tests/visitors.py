"""Who visits the gateway in tests: browsers with addresses of their own, people with accounts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count

import httpx
from service_kit.testing import Mesh

FRONT, OTHER_FRONT = "https://app.example", "http://localhost:3000"
PASSWORD = "une phrase de passe"
_numbers = count(1)


def new_email() -> str:
    """An address that was never given before."""
    return f"personne-{next(_numbers)}@exemple.fr"


def browser(mesh: Mesh) -> httpx.AsyncClient:
    """A browser with an address of its own, as a trusted proxy tells it."""
    number = next(_numbers)
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return httpx.AsyncClient(
        base_url=f"http://{mesh.address('gateway')}", headers={"x-forwarded-for": address}
    )


@dataclass(frozen=True, slots=True)
class Someone:
    """A person with an account."""

    id: str
    email: str
    password: str = PASSWORD

    @property
    def credentials(self) -> dict[str, str]:
        """What the person types."""
        return {"email": self.email, "password": self.password}


MakeSomeone = Callable[..., Awaitable[Someone]]
SignIn = Callable[[Someone], Awaitable[str]]


def bearer(token: str) -> dict[str, str]:
    """The header that proves who calls."""
    return {"authorization": f"Bearer {token}"}


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and reason of a problem."""
    return answer.status_code, answer.json()["error"]["code"]
