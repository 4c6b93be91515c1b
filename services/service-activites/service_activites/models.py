"""The tables of the activites service. Rules about their content are in `rules.py`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from db_utils import Choice, Entity, Key, Rank, Row, Searched, Tenant, TenantOrSystem, metadata
from grpc_utils import Keyed
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    DateTime,
    ForeignKey,
    Index,
    String,
    Text,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

A_FAIRE, EN_COURS, TERMINEE, ANNULEE = "a_faire", "en_cours", "terminee", "annulee"
PRIORITES = ("basse", "normale", "haute", "urgente")  # the most urgent one last

_LONGEST_TEXT = 10_000  # characters of a comment or description
_LONGEST_CALLER = 255  # characters of the `sub` of a token (OpenID Connect Core, section 2)


class Base(Row):
    """Base of the tables of this service."""

    __abstract__ = True
    metadata = metadata()


def nulls_last(column: str) -> ColumnElement[datetime]:
    """The place of a row in a list sorted by *column*, as the kernel computes it and an index holds it."""
    last = f"coalesce({column}, '9999-12-31 23:59:59.999999+00'::timestamptz)"
    return literal_column(last, type_=DateTime(timezone=True))


class TypeActivite(Entity, TenantOrSystem, Base):
    """Kind of activity; without an organisation it is supplied by the system (R2)."""

    __tablename__ = "types_activite"
    __table_args__ = (
        Index(
            "uq_type_activite_code",
            "organisation_id",
            "code",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    code: Mapped[str] = mapped_column(String(50))
    nom: Mapped[str] = mapped_column(String(100))
    nom_cle: Mapped[str] = mapped_column(Key("nom"), init=False, server_default="")
    description: Mapped[str | None] = mapped_column(Text, default=None)


class Activite(Entity, Tenant, Base):
    """What was done, or is planned, for a client, a contract or a partner of a client (R4)."""

    __tablename__ = "activites"
    __table_args__ = (
        CheckConstraint(
            "coalesce(client_base_id, contrat_id, client_partenaire_id) IS NOT NULL", name="rattachement"
        ),
        CheckConstraint("echeance >= date_activite", name="echeance"),
        Index("ix_activites_date_activite", "organisation_id", "date_activite", "id"),
        Index("ix_activites_echeance", "organisation_id", nulls_last("echeance"), "id"),
        Index("ix_activites_created_at", "organisation_id", "created_at", "id"),
        Index("ix_activites_client_base_id", "organisation_id", "client_base_id"),
        Index("ix_activites_contrat_id", "organisation_id", "contrat_id"),
        Index("ix_activites_type_id", "type_id"),
    )

    type_id: Mapped[UUID] = mapped_column(ForeignKey("types_activite.id"))
    date_activite: Mapped[datetime]
    sujet: Mapped[str] = mapped_column(String(255))
    commentaire: Mapped[str | None] = mapped_column(String(_LONGEST_TEXT), default=None)
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("sujet", "commentaire"), whole=True), init=False, server_default=""
    )
    echeance: Mapped[datetime | None] = mapped_column(default=None)
    client_base_id: Mapped[str | None] = mapped_column(String(64), default=None)
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    client_partenaire_id: Mapped[str | None] = mapped_column(String(64), default=None)
    auteur_id: Mapped[str] = mapped_column(String(_LONGEST_CALLER))


class Tache(Entity, Tenant, Keyed, Base):
    """Task of a team, which has an instant of completion exactly while it is terminee (R10)."""

    __tablename__ = "taches"
    __table_args__ = (
        CheckConstraint("(statut = 'terminee') = (date_completion IS NOT NULL)", name="completion"),
        Index(
            "uq_tache_cle",
            "organisation_id",
            "cle_idempotence",
            unique=True,
            postgresql_where=text("cle_idempotence IS NOT NULL"),
        ),
        Index("ix_taches_date_echeance", "organisation_id", nulls_last("date_echeance"), "id"),
        # What is late or falls due soon is found among the open tasks, however many are closed.
        Index(
            "ix_taches_ouvertes",
            "organisation_id",
            nulls_last("date_echeance"),
            "id",
            postgresql_where=text("statut IN ('a_faire', 'en_cours')"),
        ),
        Index("ix_taches_priorite", "organisation_id", "priorite_rang", "id"),
        Index("ix_taches_created_at", "organisation_id", "created_at", "id"),
        Index("ix_taches_statut", "organisation_id", "statut", "date_echeance"),
        Index("ix_taches_assigne_a", "organisation_id", "assigne_a", "statut"),
        Index("ix_taches_client_id", "organisation_id", "client_id"),
        Index("ix_taches_contrat_id", "organisation_id", "contrat_id"),
        Index("ix_taches_facture_id", "organisation_id", "facture_id"),
    )

    titre: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(String(_LONGEST_TEXT), default=None)
    recherche_cle: Mapped[bytes] = mapped_column(
        Searched(texts=("titre", "description"), whole=True), init=False, server_default=""
    )
    type: Mapped[str] = mapped_column(Choice("relance", "rappel", "suivi", "autre"), default="autre")
    priorite: Mapped[str] = mapped_column(Choice(*PRIORITES), default="normale")
    priorite_rang: Mapped[int] = mapped_column(Rank("priorite", PRIORITES), init=False, server_default="0")
    statut: Mapped[str] = mapped_column(Choice(A_FAIRE, EN_COURS, TERMINEE, ANNULEE), default=A_FAIRE)
    date_echeance: Mapped[datetime | None] = mapped_column(default=None)
    date_completion: Mapped[datetime | None] = mapped_column(default=None)
    motif_annulation: Mapped[str | None] = mapped_column(String(500), default=None)
    assigne_a: Mapped[str | None] = mapped_column(String(64), default=None)
    cree_par: Mapped[str] = mapped_column(String(_LONGEST_CALLER))
    client_id: Mapped[str | None] = mapped_column(String(64), default=None)
    contrat_id: Mapped[str | None] = mapped_column(String(64), default=None)
    facture_id: Mapped[str | None] = mapped_column(String(64), default=None)
    regle_relance_id: Mapped[str | None] = mapped_column(String(64), default=None)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", key="metadata_", default_factory=dict)
    cle_idempotence: Mapped[str | None] = mapped_column(String(128), default=None)
