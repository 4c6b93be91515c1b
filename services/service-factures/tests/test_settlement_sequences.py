"""Any sequence of règlements, reversals and avoirs keeps the sums of an invoice (R18 to R22)."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from grpc import StatusCode
from service_testing import Mesh, code_of
from tests.facturation import Invoices

CENT = Decimal("0.01")
RATES = (20, 10, 5.5, 2.1)
STEPS = 25


def D(value: float) -> Decimal:
    """An amount of the wire."""
    return Decimal(str(value)).quantize(CENT)


def by_rate(*factures: pb.Facture) -> dict[float, tuple[Decimal, Decimal]]:
    """The base and the VAT of *factures* together at each rate."""
    sums: dict[float, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    for part in (part for one in factures for part in one.ventilation_tva):
        base, tva = sums[part.taux]
        sums[part.taux] = base + D(part.base_ht), tva + D(part.montant_tva)
    return dict(sums)


@dataclass
class Story:
    """What happens to one invoice, step by step; everything is drawn from *drawn*."""

    drawn: Random
    factures: InvoiceServiceStub
    payments: InvoiceServiceStub
    facture: pb.Facture
    avoirs: list[pb.Facture] = field(default_factory=list)
    reglements: dict[str, Decimal] = field(default_factory=dict)
    keys: int = 0

    @property
    def creditable(self) -> Decimal:
        """What no avoir has credited yet."""
        return D(self.facture.montant_ttc) - sum((D(one.montant_ttc) for one in self.avoirs), Decimal(0))

    async def step(self) -> None:
        """One call of any kind."""
        kinds = (
            self.pay,
            self.pay,
            self.take_back,
            self.credit_amount,
            self.credit_lines,
            self.credit_too_much,
        )
        await self.drawn.choice(kinds)()

    async def pay(self) -> None:
        """A payment, of which some are too much."""
        montant = D(self.drawn.uniform(0.01, self.facture.montant_ttc * 0.6))
        payment = f"pay-{len(self.reglements)}"
        await self.payments.RegisterPayment(
            pb.RegisterPaymentRequest(
                facture_id=self.facture.id,
                payment_id=payment,
                montant=float(max(montant, CENT)),
                date_reception="2026-02-05",
            )
        )
        self.reglements[payment] = max(montant, CENT)

    async def take_back(self) -> None:
        """A part of a payment, all that is left of it, or more than that."""
        if not self.reglements:
            return
        payment = self.drawn.choice(list(self.reglements))
        left = self.reglements[payment]
        share = self.drawn.choice((Decimal("0.3"), Decimal(1), Decimal("1.5")))
        montant = max((left * share).quantize(CENT), CENT)
        self.keys += 1
        code = await code_of(
            self.payments.ReversePayment(
                pb.ReversePaymentRequest(
                    facture_id=self.facture.id,
                    payment_id=payment,
                    montant=float(montant),
                    motif="rejet",
                    cle_idempotence=f"clé {self.keys}",
                )
            )
        )
        assert code == (StatusCode.OK if montant <= left else StatusCode.INVALID_ARGUMENT)
        if montant <= left:
            self.reglements[payment] -= montant

    async def credit_amount(self) -> None:
        """An avoir by an amount that is left."""
        montant = (self.creditable * Decimal(str(self.drawn.uniform(0, 0.5)))).quantize(CENT)
        if montant:
            await self.credit(montant=float(montant))
            assert D(self.avoirs[-1].montant_ttc) == montant

    async def credit_lines(self) -> None:
        """An avoir by lines, refused where other avoirs have left less than they come to."""
        chosen = self.drawn.sample(list(self.facture.lignes), self.drawn.randint(1, len(self.facture.lignes)))
        lignes = [
            {"ligne_id": one.id, "quantite": round(one.quantite * self.drawn.choice((0.1, 0.25, 1)), 3)}
            for one in chosen
        ]
        code = await code_of(self.credit(lignes=lignes))
        assert code in (StatusCode.OK, StatusCode.INVALID_ARGUMENT, StatusCode.FAILED_PRECONDITION)

    async def credit_too_much(self) -> None:
        """A cent more than is left."""
        call = self.credit(montant=float(self.creditable + CENT))
        expected = StatusCode.INVALID_ARGUMENT if self.creditable else StatusCode.FAILED_PRECONDITION
        assert await code_of(call) in {expected, StatusCode.INVALID_ARGUMENT}

    async def credit(self, **fields: Any) -> None:
        """An avoir; it counts if it is made."""
        request = pb.CreateCreditNoteRequest(id=self.facture.id, motif="retour", **fields)
        self.avoirs.append(await self.factures.CreateCreditNote(request))

    async def holds(self) -> None:
        """Assert the sums, the statut, and that no rate is credited beyond what it came to."""
        now = await self.factures.Get(pb.GetFactureRequest(id=self.facture.id))
        ttc = D(now.montant_ttc)
        regle = sum(self.reglements.values(), Decimal(0))
        avoirs = sum((D(one.montant_ttc) for one in self.avoirs), Decimal(0))
        assert (D(now.montant_regle), D(now.montant_avoirs)) == (regle, avoirs)
        assert D(now.solde) == max(Decimal(0), ttc - avoirs - regle)
        assert D(now.trop_percu) == max(Decimal(0), regle + avoirs - ttc)
        assert now.statut == self.statut(now.statut, ttc - avoirs - regle, regle)
        origin, credited = by_rate(self.facture), by_rate(*self.avoirs)
        for rate, (base, tva) in credited.items():
            assert base <= origin[rate][0], rate
            assert tva <= origin[rate][1], rate
        if avoirs == ttc:
            assert credited == origin
        for one in self.avoirs:
            assert D(one.montant_ht) == sum(base for base, _ in by_rate(one).values())
            assert D(one.montant_ht) == sum(D(ligne.montant_ht) for ligne in one.lignes)
            assert D(one.montant_ttc) == D(one.montant_ht) + D(one.montant_tva)

    def statut(self, is_now: str, owed: Decimal, regle: Decimal) -> str:
        """The statut that R18 wants; an invoice that avoirs have undone stays so."""
        if is_now == "ANNULEE" and not self.creditable:
            return "ANNULEE"
        if owed > 0:
            return "PARTIELLEMENT_PAYEE" if regle else "EMISE"
        return "PAYEE" if regle else "ANNULEE"


def entered(drawn: Random) -> dict[str, Any]:
    """An invoice by lines or by amounts, at several rates."""
    if drawn.random() < 0.5:
        rows = [
            {"montant": round(drawn.uniform(1, 500), 2), "taux_tva": drawn.choice(RATES)} for _ in range(4)
        ]
        return {"montants": rows}
    lignes = [
        {
            "description": f"Ligne {rang}",
            "quantite": round(drawn.uniform(0.1, 30), drawn.choice((0, 3))) or 1,
            "prix_unitaire": round(drawn.uniform(0.01, 200), 4),
            "remise_pct": drawn.choice((0, 0, 10, 33.33)),
            "taux_tva": drawn.choice(RATES),
        }
        for rang in range(drawn.randint(1, 6))
    ]
    return {"lignes": lignes}


@pytest.mark.parametrize("seed", range(8))
async def test_R18_R21_any_sequence_keeps_the_sums(
    mesh: Mesh, org: str, made: Invoices, factures: InvoiceServiceStub, seed: int
) -> None:
    """After each step, and when all that is left has been credited at last."""
    drawn = Random(seed)
    payments = mesh.service_stub(InvoiceServiceStub, caller="contrats", organisation=org)
    story = Story(drawn, factures, payments, await made.issued(**entered(drawn)))
    for _ in range(STEPS):
        await story.step()
        await story.holds()
    if story.creditable:
        await story.credit()
        await story.holds()
    assert story.creditable == 0
