"""A platform in memory that keeps what it is given, and answers as it is told to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from service_factures.transmission import Adresse, FlowInfo, Flux, TransmissionError
from service_factures.transmission.port import TypeDocument


@dataclass
class Plateforme:
    """The outside party behind the port: *before* and *after* are raised by deposits, the first ones first.

    What is raised *after* is raised once the file is kept: the answer alone is lost.
    """

    before: list[TransmissionError] = field(default_factory=list)
    after: list[TransmissionError] = field(default_factory=list)
    unknown_question: TransmissionError | None = None
    flows: dict[str, FlowInfo] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    async def deposer(self, fichier: bytes, flow_info: FlowInfo) -> Flux:
        """Keep the file."""
        if self.before:
            raise self.before.pop(0)
        flow_id = f"flux-{len(self.flows) + 1}"
        self.flows[flow_id], self.files[flow_id] = flow_info, fichier
        if self.after:
            raise self.after.pop(0)
        return Flux(flow_id=flow_id, tracking_id=flow_info.tracking_id)

    async def chercher(
        self, curseur: str = "", *, tracking_id: str = "", depuis: datetime | None = None
    ) -> tuple[Sequence[Flux], str]:
        """Find what was kept under *tracking_id*."""
        if self.unknown_question:
            raise self.unknown_question
        kept = [one for one, info in self.flows.items() if info.tracking_id == tracking_id]
        return [Flux(flow_id=one, tracking_id=tracking_id) for one in kept], curseur

    async def telecharger(self, flow_id: str, doc_type: TypeDocument = "Original") -> bytes:
        """Give back a file."""
        return self.files[flow_id]

    async def chercher_adresse(self, siren: str) -> Sequence[Adresse]:
        """Nobody is in its directory."""
        return []
