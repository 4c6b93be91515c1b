"""The way of every answer: its figures, what is said beside them, and the memory of ended periods (R16)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from cachetools import LRUCache, TTLCache
from db_utils import Row, clock, context
from google.protobuf.message import Message
from grpc_utils import timestamp
from grpc_utils.errors import OrganisationRequise
from service_kit import App

from service_dashboard.demandes import Demande
from service_dashboard.models import ClientVu, FactureVue, PaiementVu
from service_dashboard.sources import Sources

M = TypeVar("M", bound=Message)
Figures = Callable[[Demande, Sources], Awaitable[Mapping[str, Any]]]

_FRESH: Final = 60.0  # seconds (R16), also between two writings of one answer of another service
_MOST_ORGANISATIONS, _MOST_ANSWERS, _MOST_KEYS = 1_000, 100, 10_000
_Kept = TTLCache[tuple[type[Message], Demande], Message]


class Reponses:
    """The answers of a process; servicers, subscribers and jobs share it as a part of the application."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._kept: LRUCache[str, _Kept] = LRUCache(_MOST_ORGANISATIONS)
        self._lately: TTLCache[tuple[str, str], bool] = TTLCache(_MOST_KEYS, _FRESH, timer=clock.timestamp)
        for model in (ClientVu, FactureVue, PaiementVu):
            app.database.on_changed(model, self._forget_that_of)

    async def answer(self, asked: Demande, kind: type[M], figures: Figures, *filtered: str) -> M:
        """Answer *asked* by a message of *kind* with the fields that *figures* gives.

        *filtered* are the optional filters that these figures apply. Raises OrganisationRequise for a
        service that names none.
        """
        if context.scope.get().by_id:
            raise OrganisationRequise
        kept = self._of(asked.organisation_id)
        known = kept.get((kind, asked))
        if isinstance(known, kind):
            return known
        sources = Sources(self._app, asked.organisation_id, self._lately)
        fields = await figures(asked, sources)
        await sources.keep()
        answer = kind(**fields, **_beside(asked, sources, filtered))
        if asked.ended and not sources.failed:
            kept[kind, asked] = (
                answer  # if it was forgotten meanwhile, so is this: *kept* is another one's then
            )
        return answer

    def forget(self, organisation_id: str) -> None:
        """Forget the answers to the organisation, and those that are being made."""
        self._kept.pop(organisation_id, None)

    def _of(self, organisation_id: str) -> _Kept:
        kept = self._kept.get(organisation_id)
        if kept is None:
            kept = self._kept[organisation_id] = TTLCache(_MOST_ANSWERS, _FRESH, timer=clock.timestamp)
        return kept

    def _forget_that_of(self, row: Row) -> None:
        self.forget(row.__dict__["organisation_id"])


def _beside(asked: Demande, sources: Sources, filtered: tuple[str, ...]) -> dict[str, Any]:
    """What every answer says beside its figures."""
    wishes = {"produit_id": asked.produit_id, "canal": asked.canal}
    ignored = {name for name, value in wishes.items() if value and name not in filtered}
    missing = sorted(sources.failed | ignored)
    return {
        "date_debut": asked.periode.debut.isoformat(),
        "date_fin": asked.periode.fin.isoformat(),
        "calcule_le": timestamp(clock.now()),
        "donnees_partielles": bool(missing),
        "sources_indisponibles": missing,
    }
