"""Prints what the services agree on, and each figure in which they do not."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

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
        gap = one.trouve - one.attendu
        table.add_row(one.service, one.sujet, _written(one.attendu), _written(one.trouve), _written(gap))
    console.print(table)
    return False


def _totals(found: Readings) -> Table:
    received = [one for one in found.paiements if one.net]
    table = Table("service", "ce qui est compté", "nombre", "euros")
    table.add_row("payments", "encaissé", str(len(received)), _written(_sum(one.net for one in received)))
    paid = [one for one in found.factures if one.regle]
    table.add_row("factures", "réglé", str(len(paid)), _written(_sum(one.regle for one in paid)))
    due = [one for one in found.parts if one.reste]
    table.add_row("commission", "parts dues", str(len(due)), _written(_sum(one.reste for one in due)))
    debited = found.calendrier
    table.add_row("calendar", "échéanciers débités", str(len(debited)), _written(_sum(debited.values())))
    table.add_row("dashboard", "trésorerie", "", _written(found.tresorerie))
    return table


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)


def _written(amount: Decimal) -> str:
    return f"{amount:,.2f}".replace(",", "\u202f").replace(".", ",")
