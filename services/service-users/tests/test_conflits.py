"""Webhooks in conflict, looked at again when the obstacle goes; every order ends alike (R32)."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from db_utils import clock
from grpc import StatusCode
from service_testing import Mesh, code_of
from service_testing.webhooks import Webhook, hmac_webhook
from service_users.inbox import inbox_of
from service_users.models import Conflit, WebhookRecu
from sqlalchemy import select
from tests.personnes import SECRET, Someone, new_email, new_subject
from tests.sent_webhooks import Send, event_of, now

Step = tuple[str, str, float, str]  # who, what, at which second, with which address
Work = Callable[[], Awaitable[None]]
Addresses = Callable[[], Awaitable[dict[str, str]]]


class Story:
    """Persons and addresses of one test by short names, as a provider tells of them."""

    def __init__(self, send: Send, people: UtilisateurServiceStub) -> None:
        self._send, self._people = send, people
        self._subjects: dict[str, str] = {}
        self._emails: dict[str, str] = {}

    def subject(self, who: str) -> str:
        """Return the subject of *who*."""
        return self._subjects.setdefault(who, new_subject())

    def email(self, name: str) -> str:
        """Return the address called *name*."""
        return self._emails.setdefault(name, new_email())

    def webhook(self, who: str, what: str, at: float, address: str = "") -> Webhook:
        """Build a webhook about *who*, by its own time *at* (seconds from a quarter of an hour ago)."""
        user: dict[str, Any] = {"id": self.subject(who)}
        if address:
            user |= {"email": self.email(address), "first_name": who, "last_name": f"{what} {at}"}
        return hmac_webhook(event_of(f"user.{what}", at - 900, user), SECRET, at=now())

    async def tell(self, who: str, what: str, at: float, address: str = "") -> str:
        """Send a webhook; return its result."""
        return await self._send(self.webhook(who, what, at, address))

    async def addresses(self) -> dict[str, str]:
        """Return the name of each person's address now, without those who have no account."""
        names = {email: name for name, email in self._emails.items()}
        return {who: names.get(user.email, user.email) for who, user in (await self._accounts()).items()}

    async def names(self) -> dict[str, str]:
        """Return the last names, which tell the webhook applied last."""
        return {who: user.nom for who, user in (await self._accounts()).items()}

    async def _accounts(self) -> dict[str, pb.Utilisateur]:
        found = {}
        for who, sujet in self._subjects.items():
            request = pb.GetUtilisateurByIdentityRequest(fournisseur="kinde", sujet=sujet)
            if await code_of(self._people.GetByIdentity(request)) == StatusCode.OK:
                found[who] = await self._people.GetByIdentity(request)
        return found


@pytest.fixture
def story(send: Send, people: UtilisateurServiceStub) -> Story:
    """A story of its own."""
    return Story(send, people)


@pytest.fixture
def later(mesh: Mesh) -> Work:
    """Run of the job, one second later."""
    app: Any = mesh["users"].app

    async def work() -> None:
        with clock.frozen_at(clock.now() + timedelta(seconds=1)):
            await inbox_of(app).retry()

    return work


async def kept(mesh: Mesh, sujet: str) -> list[WebhookRecu]:
    """Return the webhooks about *sujet*, in the order of their arrival."""
    rows = select(WebhookRecu).where(WebhookRecu.sujet == sujet).order_by(WebhookRecu.recu_le)
    return await mesh.database("users").read().all(rows)


async def conflicts(mesh: Mesh, sujet: str) -> list[bool]:
    """Return for each conflict of *sujet* whether it is resolved."""
    rows = select(Conflit.resolu_le).where(Conflit.sujet == sujet)
    return [resolved is not None for resolved in await mesh.database("users").read().all(rows)]


async def test_R32_who_was_in_the_way_is_deleted(story: Story, later: Work, mesh: Mesh) -> None:
    """Created A, created B with the same address, deleted A: B has it; a replay is a DOUBLON all along."""
    await story.tell("A", "created", 1, "h1")
    second = story.webhook("B", "created", 2, "h1")
    send = story._send
    assert [await send(second), await send(second)] == ["CONFLIT", "DOUBLON"]
    assert await story.tell("A", "deleted", 3) == "TRAITE"
    await later()
    assert (await story.addresses(), await send(second)) == ({"B": "h1"}, "DOUBLON")
    (row,) = await kept(mesh, story.subject("B"))
    assert (row.resultat, row.charge_utile, row.prochain_essai) == ("TRAITE", {}, None)
    assert await conflicts(mesh, story.subject("B")) == [True]


async def test_R32_what_it_says_is_kept_and_only_an_obstacle_gone_makes_it_due(
    story: Story, later: Work, mesh: Mesh
) -> None:
    """A conflict that is looked at again in vain stays one, and keeps what the webhook said."""
    await story.tell("A", "created", 1, "h1")
    await story.tell("B", "created", 2, "h1")
    (waiting,) = await kept(mesh, story.subject("B"))
    assert (waiting.resultat, waiting.prochain_essai) == ("CONFLIT", None)
    assert waiting.charge_utile["email"] == story.email("h1")
    await inbox_of(mesh["users"].app).look_again()  # type: ignore[arg-type]  # the settings of this service
    await later()
    (after,) = await kept(mesh, story.subject("B"))
    assert (after.resultat, after.prochain_essai, after.charge_utile) == (
        "CONFLIT",
        None,
        waiting.charge_utile,
    )
    assert await conflicts(mesh, story.subject("B")) == [False]


@pytest.mark.parametrize("how", ["deleted", "moved"])
async def test_R32_whatever_frees_an_address_makes_it_due(
    story: Story, later: Work, people: UtilisateurServiceStub, someone: Someone, how: str
) -> None:
    """A deletion by a service, or another provider's change of the address, makes the webhook due."""
    email, sujet = story.email("h1"), new_subject()
    owner = await someone(email=email, email_verifie=True, fournisseur="auth0", sujet=sujet)
    await story.tell("A", "created", 1, "h0")
    assert await story.tell("A", "updated", 2, "h1") == "CONFLIT"
    if how == "deleted":
        await people.Delete(pb.DeleteUtilisateurRequest(id=owner.id))
    else:
        moved: dict[str, Any] = {
            "email": new_email(),
            "fournisseur": "auth0",
            "sujet": sujet,
            "email_verifie": True,
        }
        await people.Create(pb.CreateUtilisateurRequest(**moved))
    await later()
    assert await story.addresses() == {"A": "h1"}


async def test_R32_a_later_deletion_of_its_subject_ends_it(story: Story, later: Work, mesh: Mesh) -> None:
    """A later deletion makes the webhook in conflict IGNORE, and nobody is resurrected."""
    await story.tell("A", "created", 1, "h1")
    await story.tell("B", "created", 2, "h1")
    await story.tell("B", "deleted", 3)
    await story.tell("A", "deleted", 4)
    await later()
    assert [row.resultat for row in await kept(mesh, story.subject("B"))] == ["IGNORE", "IGNORE"]
    assert (await story.addresses(), await conflicts(mesh, story.subject("B"))) == ({}, [True])


async def test_R32_an_older_conflict_does_not_undo_what_came_after(
    story: Story, later: Work, mesh: Mesh
) -> None:
    """A webhook in conflict is judged by its own time (R24): IGNORE after a newer one."""
    await story.tell("B", "created", 1, "h2")
    await story.tell("A", "created", 1, "h1")
    assert await story.tell("A", "updated", 2, "h2") == "CONFLIT"
    await story.tell("A", "updated", 3, "h4")
    await story.tell("B", "updated", 4, "h3")
    await later()
    assert await story.addresses() == {"A": "h4", "B": "h3"}
    assert [row.resultat for row in await kept(mesh, story.subject("A"))] == ["TRAITE", "IGNORE", "TRAITE"]


@pytest.mark.parametrize("size", [2, 3, 5])
async def test_R32_addresses_that_go_round_in_a_ring_are_applied_together(
    story: Story, later: Work, mesh: Mesh, size: int
) -> None:
    """Each person wants the address of the next one; the webhook that closes the ring applies them all."""
    names = "ABCDE"[:size]
    for number, who in enumerate(names):
        await story.tell(who, "created", 1, f"h{number}")
    results = [
        await story.tell(who, "updated", 10 + number, f"h{(number + 1) % size}")
        for number, who in enumerate(names)
    ]
    assert results == ["CONFLIT"] * (size - 1) + ["TRAITE"]
    assert await story.addresses() == {who: f"h{(n + 1) % size}" for n, who in enumerate(names)}
    for who in names[:-1]:
        assert [row.resultat for row in await kept(mesh, story.subject(who))] == ["TRAITE", "TRAITE"]
        assert await conflicts(mesh, story.subject(who)) == [True]


STORIES: dict[str, tuple[Sequence[Step], dict[str, str]]] = {
    "one address after the other": (
        (("A", "created", 1, "h1"), ("B", "created", 3, "h1"), ("A", "deleted", 2, "")),
        {"B": "h1"},
    ),
    "B leaves what A takes": (
        (
            ("A", "created", 1, "h1"),
            ("B", "created", 1, "h2"),
            ("B", "updated", 10, "h3"),
            ("A", "updated", 11, "h2"),
        ),
        {"A": "h2", "B": "h3"},
    ),
    "A and B swap": (
        (
            ("A", "created", 1, "h1"),
            ("B", "created", 1, "h2"),
            ("A", "updated", 10, "h2"),
            ("B", "updated", 10, "h1"),
        ),
        {"A": "h2", "B": "h1"},
    ),
    "a chain behind a deletion": (
        (
            ("A", "created", 1, "h1"),
            ("B", "created", 1, "h2"),
            ("A", "deleted", 5, ""),
            ("B", "updated", 6, "h1"),
            ("C", "created", 7, "h2"),
        ),
        {"B": "h1", "C": "h2"},
    ),
}
ORDERS = [(name, order) for name, (steps, _) in STORIES.items() for order in permutations(range(len(steps)))]
_SAMPLE = ORDERS[: 6 + 24 + 24] + ORDERS[6 + 24 + 24 :: 7]


@pytest.mark.parametrize("name", STORIES)
async def test_R32_every_order_ends_alike(
    send: Send, people: UtilisateurServiceStub, later: Work, name: str
) -> None:
    """Addresses and names end alike in every order of arrival; of the longest story, a seventh is tried."""
    steps, expected = STORIES[name]
    latest = {who: f"{what} {at}" for who, what, at, _ in sorted(steps, key=lambda step: step[2])}
    for order in [order for story, order in _SAMPLE if story == name]:
        story = Story(send, people)
        for position in order:
            await story.tell(*steps[position])
        await later()
        assert (order, await story.addresses()) == (order, expected)
        assert (order, await story.names()) == (order, {who: latest[who] for who in expected})
