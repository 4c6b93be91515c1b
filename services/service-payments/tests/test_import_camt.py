"""Import of statements: what each row of R26 does to a payment, each by a file of its own."""

from datetime import date

import pytest
from crm.events.business_pb2 import PaymentReceivedEvent
from service_testing import Mesh
from tests.bank_files import (
    CAMT_NAMESPACES,
    camt,
    detail,
    entry,
)
from tests.encaissements import Encaissements

BACK = date(2026, 3, 9)


@pytest.mark.parametrize("namespace", CAMT_NAMESPACES)
async def test_R26_a_credit_of_an_id_settles_its_debit(
    banque: Encaissements, mesh: Mesh, namespace: str
) -> None:
    """R18: received on the day of the booking, and told once."""
    debit = await banque.submitted()
    answer = await banque.report(
        camt(entry("10.00", "CRDT", detail(debit.end_to_end_id), day="2026-03-05"), namespace=namespace)
    )
    stored = await banque.read(debit)
    assert ("PAID", date(2026, 3, 5), 1) == (stored.statut, stored.date_reception, answer.nb_regles)
    events = [
        event for event in await mesh.published(PaymentReceivedEvent, 1) if event.payment_id == str(debit.id)
    ]
    assert [(event.montant, event.societe_id, event.date_reception.ToJsonString()) for event in events] == [
        (10.0, "soc-1", "2026-03-05T12:00:00Z")
    ]
