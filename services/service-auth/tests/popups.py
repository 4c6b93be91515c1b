"""Pop-up windows in which people sign in at the provider double."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from crm.auth import auth_pb2 as pb


@dataclass(frozen=True, slots=True)
class Popup:
    """A pop-up window that has been at Google and back, with the secret and the address of its browser."""

    begun: pb.GetGoogleAuthUrlResponse
    back: dict[str, str]
    ip: str

    @property
    def query(self) -> dict[str, str]:
        """Parameters of the address at Google."""
        return query_of(self.begun)

    def callback(self, **changes: str) -> pb.HandleGoogleCallbackRequest:
        """The callback as the gateway passes it on, with *changes*."""
        told = {"liaison": self.begun.liaison, "ip": self.ip, "user_agent": "Firefox"}
        return pb.HandleGoogleCallbackRequest(**(told | self.back | changes))


def query_of(begun: pb.GetGoogleAuthUrlResponse) -> dict[str, str]:
    """Parameters of the address at Google that *begun* names."""
    return dict(parse_qsl(urlsplit(begun.auth_url).query))


OpenPopup = Callable[..., Awaitable[Popup]]
