"""Contracts with their lines, the history of their statut, and their orchestrations."""

from alembic import op

revision = "contrats_0001"
down_revision = None
branch_labels = ("contrats",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE compteurs_reference (
            organisation_id varchar(64) NOT NULL,
            annee integer NOT NULL,
            dernier integer NOT NULL,
            CONSTRAINT pk_compteurs_reference PRIMARY KEY (organisation_id, annee)
        );

        CREATE TABLE contrats (
            reference varchar(100) NOT NULL,
            titre varchar(255),
            recherche_cle bytea DEFAULT '' NOT NULL,
            description text,
            type varchar(50),
            statut varchar(20) NOT NULL,
            client_id varchar(64) NOT NULL,
            produit_id varchar(64),
            commercial_id varchar(64),
            societe_id varchar(64),
            date_debut date NOT NULL,
            date_fin date,
            date_signature timestamptz,
            signataire_nom varchar(200),
            document_id varchar(64),
            date_resiliation date,
            motif_resiliation text,
            montant numeric(14, 2) NOT NULL,
            montant_impose boolean NOT NULL,
            nombre_echeances integer NOT NULL,
            montant_total numeric(14, 2) NOT NULL,
            prix_a_confirmer boolean NOT NULL,
            devise char(3) NOT NULL,
            frequence_facturation varchar(20) NOT NULL,
            duree_mois integer,
            document_url text,
            fournisseur varchar(255),
            notes text,
            signature_event_id uuid,
            expiration_notifiee_le timestamptz,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            supprime_le timestamptz,
            CONSTRAINT pk_contrats PRIMARY KEY (id),
            CONSTRAINT ck_contrats_statut CHECK (statut IN ('BROUILLON', 'SIGNE', 'ACTIF', 'SUSPENDU', 'RESILIE', 'EXPIRE', 'ANNULE')),
            CONSTRAINT ck_contrats_frequence_facturation CHECK (frequence_facturation IN ('UNIQUE', 'MENSUELLE', 'TRIMESTRIELLE', 'SEMESTRIELLE', 'ANNUELLE')),
            CONSTRAINT ck_contrats_periode CHECK (date_fin >= date_debut),
            CONSTRAINT ck_contrats_signature CHECK (statut IN ('BROUILLON', 'ANNULE') OR date_signature IS NOT NULL)
        );
        CREATE UNIQUE INDEX uq_contrat_reference ON contrats (organisation_id, reference) WHERE supprime_le IS NULL;
        CREATE UNIQUE INDEX uq_contrat_signature_event_id ON contrats (signature_event_id);
        CREATE INDEX ix_contrats_recherche ON contrats (organisation_id, created_at, id)
            INCLUDE (recherche_cle, reference, date_debut, date_signature, montant_total) WHERE supprime_le IS NULL;
        CREATE INDEX ix_contrats_date_debut ON contrats (organisation_id, date_debut, id) WHERE supprime_le IS NULL;
        CREATE INDEX ix_contrats_date_signature ON contrats (organisation_id, coalesce(date_signature, '0001-01-01 00:00:00+00'::timestamptz), id) WHERE supprime_le IS NULL;
        CREATE INDEX ix_contrats_montant_total ON contrats (organisation_id, montant_total, id) WHERE supprime_le IS NULL;
        CREATE INDEX ix_contrats_client ON contrats (organisation_id, client_id);
        CREATE INDEX ix_contrats_statut ON contrats (organisation_id, statut, date_fin);
        CREATE INDEX ix_contrats_commercial ON contrats (organisation_id, commercial_id);
        CREATE INDEX ix_contrats_societe ON contrats (organisation_id, societe_id);
        CREATE INDEX ix_contrats_date_fin ON contrats (date_fin) WHERE statut IN ('ACTIF', 'SUSPENDU') AND supprime_le IS NULL;

        CREATE TABLE lignes_contrat (
            contrat_id uuid NOT NULL,
            produit_id varchar(64) NOT NULL,
            libelle varchar(255),
            periode_facturation varchar(20),
            quantite integer NOT NULL,
            prix_unitaire numeric(14, 2) NOT NULL,
            prix_a_confirmer boolean NOT NULL,
            taux_tva numeric(5, 2),
            motif_exoneration varchar(30),
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_lignes_contrat PRIMARY KEY (id),
            CONSTRAINT fk_lignes_contrat_contrat_id FOREIGN KEY (contrat_id) REFERENCES contrats (id) ON DELETE CASCADE,
            CONSTRAINT ck_lignes_contrat_quantite CHECK (quantite BETWEEN 1 AND 100000),
            CONSTRAINT ck_lignes_contrat_prix_unitaire CHECK (prix_unitaire >= 0)
        );
        CREATE INDEX ix_lignes_contrat_contrat_id ON lignes_contrat (organisation_id, contrat_id, created_at, id);

        CREATE TABLE historique_statut_contrat (
            id uuid NOT NULL,
            contrat_id uuid NOT NULL,
            ancien_statut varchar(20),
            nouveau_statut varchar(20) NOT NULL,
            motif text,
            auteur_id varchar(255) NOT NULL,
            date_changement timestamptz NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_historique_statut_contrat PRIMARY KEY (id),
            CONSTRAINT fk_historique_statut_contrat_contrat_id FOREIGN KEY (contrat_id) REFERENCES contrats (id) ON DELETE CASCADE,
            CONSTRAINT ck_historique_statut_contrat_ancien_statut CHECK (ancien_statut IN ('BROUILLON', 'SIGNE', 'ACTIF', 'SUSPENDU', 'RESILIE', 'EXPIRE', 'ANNULE')),
            CONSTRAINT ck_historique_statut_contrat_nouveau_statut CHECK (nouveau_statut IN ('BROUILLON', 'SIGNE', 'ACTIF', 'SUSPENDU', 'RESILIE', 'EXPIRE', 'ANNULE'))
        );
        CREATE INDEX ix_historique_statut_contrat_contrat_id ON historique_statut_contrat (organisation_id, contrat_id, date_changement, id) INCLUDE (nouveau_statut);

        CREATE TABLE contract_orchestration_history (
            id uuid NOT NULL,
            contrat_id uuid NOT NULL,
            operation varchar(20) NOT NULL,
            status varchar(20) NOT NULL,
            payload jsonb NOT NULL,
            response_payload jsonb,
            error_message text,
            started_at timestamptz NOT NULL,
            finished_at timestamptz,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_contract_orchestration_history PRIMARY KEY (id),
            CONSTRAINT fk_contract_orchestration_history_contrat_id FOREIGN KEY (contrat_id) REFERENCES contrats (id) ON DELETE CASCADE,
            CONSTRAINT ck_contract_orchestration_history_operation CHECK (operation IN ('activer', 'suspendre', 'resilier')),
            CONSTRAINT ck_contract_orchestration_history_status CHECK (status IN ('pending', 'success', 'failure'))
        );
        CREATE INDEX ix_contract_orchestration_history_contrat_id ON contract_orchestration_history (organisation_id, contrat_id, started_at, id);
        """
    )
