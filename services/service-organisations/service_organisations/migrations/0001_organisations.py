"""Organisations, companies, white-label partners and reference lists with the system's entries."""

from alembic import op

revision = "organisations_0001"
down_revision = None
branch_labels = ("organisations",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE organisations (
            id varchar(64) NOT NULL,
            nom varchar(255) NOT NULL,
            description text,
            siret varchar(14),
            adresse text,
            telephone varchar(50),
            email varchar(255),
            actif boolean DEFAULT true NOT NULL,
            etat varchar(20) DEFAULT 'actif' NOT NULL,
            last_activity_at timestamptz,
            provisoire boolean DEFAULT false NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            supprime_le timestamptz,
            CONSTRAINT pk_organisations PRIMARY KEY (id),
            CONSTRAINT ck_organisations_etat CHECK (etat IN ('essai', 'actif', 'suspendu', 'inactif'))
        );
        CREATE INDEX ix_organisations_created_at ON organisations (created_at, id);
        CREATE INDEX ix_organisations_nom ON organisations (nom, id);
        CREATE INDEX ix_organisations_nom_lower ON organisations (lower(nom));
        CREATE UNIQUE INDEX uq_organisation_siret ON organisations (siret) WHERE supprime_le IS NULL AND siret IS NOT NULL;

        CREATE TABLE societes (
            organisation_id varchar(64) NOT NULL,
            raison_sociale varchar(255) NOT NULL,
            siren varchar(9) NOT NULL,
            numero_tva varchar(20),
            adresse text,
            email varchar(255),
            telephone varchar(50),
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            supprime_le timestamptz,
            CONSTRAINT pk_societes PRIMARY KEY (id),
            CONSTRAINT fk_societes_organisation_id FOREIGN KEY (organisation_id) REFERENCES organisations (id)
        );
        CREATE INDEX ix_societes_raison_sociale ON societes (organisation_id, raison_sociale, id);
        CREATE UNIQUE INDEX uq_societe_siren ON societes (organisation_id, siren) WHERE supprime_le IS NULL;

        CREATE TABLE partenaires_marque_blanche (
            denomination varchar(255) NOT NULL,
            siren varchar(9) NOT NULL,
            numero_tva varchar(20),
            contact_support_email varchar(255) NOT NULL,
            telephone varchar(50),
            statut varchar(20) DEFAULT 'ACTIF' NOT NULL,
            logo_url text,
            favicon_url text,
            couleur_primaire varchar(7),
            couleur_secondaire varchar(7),
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_partenaires_marque_blanche PRIMARY KEY (id),
            CONSTRAINT ck_partenaires_marque_blanche_statut CHECK (statut IN ('PROSPECT', 'ACTIF', 'SUSPENDU', 'RESILIE'))
        );
        CREATE INDEX ix_partenaires_denomination ON partenaires_marque_blanche (organisation_id, denomination, id);
        CREATE UNIQUE INDEX uq_partenaire_siren ON partenaires_marque_blanche (organisation_id, siren);

        CREATE TABLE referentiels (
            famille varchar(30) NOT NULL,
            code varchar(50) NOT NULL,
            nom varchar(100) NOT NULL,
            description text,
            delai_jours integer,
            fin_de_mois boolean DEFAULT false NOT NULL,
            ordre integer DEFAULT 0 NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64),
            CONSTRAINT pk_referentiels PRIMARY KEY (id),
            CONSTRAINT ck_referentiels_delai_jours CHECK (delai_jours BETWEEN 0 AND 365),
            CONSTRAINT ck_referentiels_famille CHECK (famille IN ('CONDITION_PAIEMENT', 'PERIODE_FACTURATION', 'EMISSION_FACTURE', 'FACTURATION_PAR'))
        );
        CREATE UNIQUE INDEX uq_referentiel_code ON referentiels (organisation_id, famille, code) NULLS NOT DISTINCT;

        INSERT INTO referentiels (id, famille, code, nom, delai_jours, fin_de_mois, ordre, created_at, updated_at)
        SELECT gen_random_uuid(), famille, code, nom, delai, fin_de_mois, ordre, now(), now()
        FROM (VALUES ('CONDITION_PAIEMENT', 'RECEPTION', 'À réception', 0, false, 10),
                     ('CONDITION_PAIEMENT', 'J15', '15 jours', 15, false, 20),
                     ('CONDITION_PAIEMENT', 'J30', '30 jours', 30, false, 30),
                     ('CONDITION_PAIEMENT', 'J30_FDM', '30 jours fin de mois', 30, true, 40),
                     ('CONDITION_PAIEMENT', 'J45', '45 jours', 45, false, 50),
                     ('CONDITION_PAIEMENT', 'J60', '60 jours', 60, false, 60),
                     ('PERIODE_FACTURATION', 'MENSUELLE', 'Mensuelle', NULL, false, 10),
                     ('PERIODE_FACTURATION', 'TRIMESTRIELLE', 'Trimestrielle', NULL, false, 20),
                     ('PERIODE_FACTURATION', 'SEMESTRIELLE', 'Semestrielle', NULL, false, 30),
                     ('PERIODE_FACTURATION', 'ANNUELLE', 'Annuelle', NULL, false, 40),
                     ('PERIODE_FACTURATION', 'UNIQUE', 'Unique', NULL, false, 50),
                     ('EMISSION_FACTURE', 'AUTOMATIQUE', 'Automatique', NULL, false, 10),
                     ('EMISSION_FACTURE', 'MANUELLE', 'Manuelle', NULL, false, 20),
                     ('FACTURATION_PAR', 'SOCIETE', 'Société', NULL, false, 10),
                     ('FACTURATION_PAR', 'ORGANISATION', 'Organisation', NULL, false, 20))
            AS supplied (famille, code, nom, delai, fin_de_mois, ordre);
        """
    )
