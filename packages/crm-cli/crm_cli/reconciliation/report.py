"""Prints what the services agree on, and each figure in which they do not."""

from collections.abc import Mapping

from grpc_utils import written_amount
from rich.console import Console
from rich.table import Table

from crm_cli.reconciliation.differences import ZERO, Readings, differences
from crm_cli.reconciliation.readings import read


def reconcile(addresses: Mapping[str, str], token: str, console: Console) -> bool:
    """Compare the figures of one organisation; return whether they agree. Raises CommandError."""
    found = read(addresses, token)
    console.print(_totals(found))
    wrong = list(differences(found))
    if not wrong:
        console.print("Tout concorde, au centime près.")
        return True
    table = Table("service", "sujet", "attendu", "trouvé", "écart", title=f"{len(wrong)} écarts")
    for one in wrong:
        amounts = map(written_amount, (one.attendu, one.trouve, one.trouve - one.attendu))
        table.add_row(one.service, one.sujet, *amounts)
    console.print(table)
    return False


def _totals(found: Readings) -> Table:
    table = Table("service", "ce qui est compté", "nombre", "euros")
    counted = (
        ("payments", "encaissé", [one.net for one in found.paiements if one.net]),
        ("factures", "réglé", [one.regle for one in found.factures if one.regle]),
        ("commission", "parts dues", [one.reste for one in found.parts if one.reste]),
        ("calendar", "échéanciers débités", list(found.calendrier.values())),
    )
    for service, what, amounts in counted:
        table.add_row(service, what, str(len(amounts)), written_amount(sum(amounts, ZERO)))
    table.add_row("dashboard", "trésorerie", "", written_amount(found.tresorerie))
    return table
