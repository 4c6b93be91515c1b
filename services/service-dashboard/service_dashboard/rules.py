"""Rules of the figures as pure functions: rows from events, variations from counts."""

from datetime import UTC, datetime, time, timedelta
from fractions import Fraction

from crm.clients.clients_pb2 import ClientBase
from crm.dashboard import dashboard_pb2 as pb
from crm.events.business_pb2 import ClientCreatedEvent, InvoiceCreatedEvent, PaymentReceivedEvent
from crm.factures.factures_pb2 import Facture
from crm.payments.payments_pb2 import Payment
from db_utils.clock import PARIS
from grpc_utils import instant, money, opaque_id, optional_date, required
from nats_utils import required_instant
from service_kit import Owner

from service_dashboard.models import ClientVu, FactureVue, PaiementVu

# Where no other term is agreed: article L441-10 of the Code de commerce.
_LEGAL_TERM = timedelta(days=30)
_NOON = time(12, tzinfo=UTC)  # stands for a day (C3)


def client_vu(event: ClientCreatedEvent, organisation_id: str, societe_id: str) -> ClientVu:
    """The row to keep of a new client (R20).

    Raises InvalidEvent when the event has neither a creation nor a time of its own.
    """
    return ClientVu(
        client_id=event.client_id,
        organisation_id=organisation_id,
        societe_id=societe_id or None,
        cree_le=required_instant(event, "created_at", "timestamp"),
    )


def facture_vue(event: InvoiceCreatedEvent, owner: Owner) -> FactureVue:
    """The row to keep of an invoice (R21).

    Raises ChampRequis, FormatInvalide, MontantInvalide, and InvalidEvent when the event has no time of
    its own or a due date that is no instant.
    """
    emise_le = required_instant(event, "timestamp")
    due = (
        required_instant(event, "date_echeance")
        if event.HasField("date_echeance")
        else emise_le + _LEGAL_TERM
    )
    return FactureVue(
        organisation_id=owner.organisation_id,
        invoice_id=opaque_id(required(event.invoice_id, "invoice_id"), "invoice_id") or "",
        societe_id=opaque_id(owner.societe_id, "societe_id") or "",
        client_id=opaque_id(event.client_id, "client_id") or "",
        contrat_id=opaque_id(event.contrat_id, "contrat_id"),
        numero=event.numero,
        montant=money(event.montant, "montant"),
        emise_le=emise_le,
        date_echeance=due.astimezone(PARIS).date(),
    )


def paiement_vu(event: PaymentReceivedEvent, owner: Owner) -> PaiementVu:
    """The row to keep of a receipt (R22).

    Raises ChampRequis, FormatInvalide, MontantInvalide, and InvalidEvent when the event has neither a day of
    receipt nor a time of its own.
    """
    return PaiementVu(
        organisation_id=owner.organisation_id,
        payment_id=opaque_id(required(event.payment_id, "payment_id"), "payment_id") or "",
        societe_id=opaque_id(owner.societe_id, "societe_id") or "",
        client_id=opaque_id(event.client_id, "client_id") or "",
        schedule_id=opaque_id(event.schedule_id, "schedule_id"),
        facture_id=opaque_id(event.facture_id, "facture_id"),
        contrat_id=opaque_id(event.contrat_id, "contrat_id"),
        montant=money(event.montant, "montant"),
        recu_le=required_instant(event, "date_reception", "timestamp"),
    )


def client_of(client: ClientBase, organisation_id: str) -> ClientVu:
    """The row of a client as clients tells it (R18)."""
    return ClientVu(
        client_id=client.id,
        organisation_id=organisation_id,
        societe_id=client.societe_id or None,
        cree_le=instant(client.created_at),
    )


def facture_of(facture: Facture, organisation_id: str) -> FactureVue:
    """The row of an issued invoice as factures tells it, its amount less its credit notes (R18)."""
    emise_le = instant(facture.emise_at)
    due = optional_date(facture.date_echeance, "date_echeance")
    return FactureVue(
        organisation_id=organisation_id,
        invoice_id=facture.id,
        societe_id=facture.societe_id,
        client_id=facture.client_id,
        contrat_id=facture.contrat_id or None,
        numero=facture.numero,
        montant=money(facture.montant_ttc, "montant_ttc") - money(facture.montant_avoirs, "montant_avoirs"),
        emise_le=emise_le,
        date_echeance=due or (emise_le + _LEGAL_TERM).astimezone(PARIS).date(),
    )


def paiement_of(payment: Payment, organisation_id: str) -> PaiementVu:
    """The row of a receipt as payments tells it, its amount less what was paid back (R18)."""
    day = optional_date(payment.date_reception, "date_reception")
    return PaiementVu(
        organisation_id=organisation_id,
        payment_id=payment.id,
        societe_id=payment.societe_id,
        client_id=payment.client_id,
        schedule_id=payment.schedule_id or None,
        facture_id=payment.facture_id or None,
        contrat_id=payment.contrat_id or None,
        montant=money(payment.montant, "montant") - money(payment.montant_rembourse, "montant_rembourse"),
        recu_le=datetime.combine(day, _NOON) if day else instant(payment.updated_at),
    )


def taux(part: int, whole: int) -> Fraction:
    """*part* of *whole* in percent, exactly; 0 of nothing (R6)."""
    return Fraction(100 * part, whole) if whole else Fraction()


def two_decimals(percent: Fraction) -> float:
    """*percent*, or another figure that is not negative, with 2 decimals rounded half up (R15)."""
    return _hundredths(percent) / 100


def exact(amount: float) -> Fraction:
    """The amount that a message tells, as the decimal that its double stands for (C4)."""
    return Fraction(repr(amount))


def variation(current: Fraction | int, previous: Fraction | int) -> pb.Variation:
    """The variation from *previous* to *current*, in percent with 2 decimals rounded half up (R4).

    The arithmetic is exact, so that no binary fraction decides a rounding.
    """
    if previous == 0:
        return _variation(10_000 if current > 0 else 0, rising=True)
    hundredths = _hundredths(100 * abs(Fraction(current) - previous) / previous)
    return _variation(hundredths, rising=current > previous)


def _hundredths(percent: Fraction) -> int:
    return int(percent * 100 + Fraction(1, 2))


def _variation(hundredths: int, *, rising: bool) -> pb.Variation:
    tendance = "stable" if hundredths == 0 else "hausse" if rising else "baisse"
    return pb.Variation(pourcentage=hundredths / 100, tendance=tendance)
