"""The split of an amount over the rates of an invoice, for avoirs (R21) and receipts (R39, R41)."""

from collections.abc import Sequence
from decimal import Decimal

from grpc_utils import rounded

from service_factures.models import ZERO


def shares(montant: Decimal, rests: Sequence[Decimal]) -> list[Decimal]:
    """*montant* split in proportion to *rests*, each share at most its rest, the last taking the remainder.

    No rest is negative, and together they are at least *montant*.
    """
    if not montant:
        return [ZERO] * len(rests)
    total, given = sum(rests, ZERO), ZERO
    split: list[Decimal] = []
    for rest in rests[:-1]:
        share = min(rounded(montant * rest / total), rest, montant - given)
        split.append(share)
        given += share
    split.append(min(montant - given, rests[-1]))
    over = montant - sum(split, ZERO)
    for position, rest in enumerate(rests):  # what does not fit goes to the highest rate with room
        more = min(over, rest - split[position])
        split[position] += more
        over -= more
    return split
