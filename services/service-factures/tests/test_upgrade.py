"""Invoices of before the way to platforms: how their sales are told is known afterwards (R34)."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from db_utils import uuid7
from service_factures.service import SERVICE
from service_testing import Upgrade

_FACTURE = """
INSERT INTO facture (
    id, organisation_id, societe_id, client_id, type, statut, numero, date_emission, facture_origine_id,
    conditions_paiement, mode_paiement, nature_operation, recapitulative, montant_ht, montant_tva,
    montant_ttc, montant_regle, montant_avoirs, solde, trop_percu, motif_exoneration, client_snapshot,
    identite_statut, avertissements, updated_at)
VALUES (
    %(id)s, 'org-123', '', 'client-123', %(type)s, 'EMISE', %(numero)s, '2026-01-22', %(origine)s,
    'J30', 'VIREMENT', 'SERVICES', false, 10, 0, 10,
    0, 0, 10, 0, %(motif)s, %(client)s, %(identite)s,
    '{}', now())"""
_TVA = "INSERT INTO facture_tva VALUES (%s, %s, %s, 10, 0, 'org-123')"
_TOLD = "SELECT id, traitement, statut_transmission FROM facture"


def issue(upgrade: Upgrade, *categories: str, client: dict[str, Any] | None, **fields: object) -> UUID:
    """An invoice issued to *client*, None for one who is not known, with lines of these categories."""
    known = {
        "id": uuid7(),
        "type": "FACTURE",
        "origine": None,
        "motif": None,
        "client": json.dumps(client) if client else None,
        "identite": "COMPLETE" if client else "A_COMPLETER",
    }
    row = known | {"numero": f"N{known['id']}"[:24]} | fields
    upgrade.connection.execute(_FACTURE, row)
    for rate, categorie in enumerate(categories):
        upgrade.connection.execute(_TVA, (row["id"], rate, categorie))
    identity = row["id"]
    assert isinstance(identity, UUID)
    return identity


def buyer(type_client: str, pays: str = "FR", siren: str = "732829320") -> dict[str, Any]:
    """A buyer as it is frozen."""
    return {"type_client": type_client, "siren": siren, "adresse": {"pays": pays}}


def test_R34_invoices_of_before_are_told_as_those_of_now(tmp_path: Path) -> None:
    """By their lines and their frozen buyer, an avoir as its origin; nothing of them is sent."""
    company, person = buyer("ENTREPRISE"), buyer("PARTICULIER", siren="")
    with Upgrade(SERVICE, "0003", tmp_path) as upgrade:
        wanted = {
            issue(upgrade, "S", client=person, numero="1"): "B2C",
            issue(upgrade, "S", "E", client=company, motif="EXONERATION_261C", numero="2"): "B2B",
            issue(upgrade, "E", client=company, motif="EXONERATION_261C", numero="3"): "OUTOFSCOPE",
            issue(upgrade, "E", client=company, motif="FRANCHISE_293B", numero="4"): "B2B",
            issue(upgrade, "O", client=person, motif="HORS_CHAMP", numero="5"): "OUTOFSCOPE",
            issue(upgrade, "S", client=buyer("ENTREPRISE", "GF"), numero="6"): "B2BINT",
            issue(upgrade, "S", client=buyer("PARTENAIRE", "RE"), numero="7"): "B2B",
            issue(upgrade, "S", client=None, numero="8"): None,
        }
        mixed = list(wanted)[1]
        avoir = issue(upgrade, "E", client=company, motif="EXONERATION_261C", type="AVOIR", origine=mixed)
        upgrade.run()
        told = upgrade.connection.execute(_TOLD).fetchall()
    assert {identity: (traitement, statut) for identity, traitement, statut in told} == {
        identity: (traitement, "SANS_OBJET") for identity, traitement in (wanted | {avoir: "B2B"}).items()
    }
