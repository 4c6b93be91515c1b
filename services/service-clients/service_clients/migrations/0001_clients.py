"""Clients, addresses, company sheets, partner links and statuses."""

from alembic import op

revision = "clients_0001"
down_revision = None
branch_labels = ("clients",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE client_entreprises (
            raison_sociale varchar(255) NOT NULL,
            siren varchar(9) NOT NULL,
            numero_tva varchar(20),
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_client_entreprises PRIMARY KEY (id)
        );
        CREATE UNIQUE INDEX uq_client_entreprise_siren ON client_entreprises (organisation_id, siren);

        CREATE TABLE compteurs_code (
            organisation_id varchar(64) NOT NULL,
            dernier bigint NOT NULL,
            CONSTRAINT pk_compteurs_code PRIMARY KEY (organisation_id)
        );

        CREATE TABLE statut_clients (
            code varchar(50) NOT NULL,
            nom varchar(100) NOT NULL,
            description text,
            ordre_affichage integer NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64),
            CONSTRAINT pk_statut_clients PRIMARY KEY (id)
        );
        CREATE UNIQUE INDEX uq_statut_client_code ON statut_clients (coalesce(organisation_id, ''), code);

        CREATE TABLE client_bases (
            type_client varchar(20) NOT NULL,
            nom varchar(100) NOT NULL,
            prenom varchar(100) NOT NULL,
            nom_cle varchar(100) NOT NULL,
            date_naissance date,
            compte_code varchar(50) NOT NULL,
            partenaire_id varchar(64),
            client_entreprise_id uuid,
            commercial_id varchar(64),
            societe_id varchar(64),
            telephone varchar(30),
            telephone_e164 varchar(16),
            email varchar(255),
            statut varchar(50) NOT NULL,
            date_creation timestamptz NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            supprime_le timestamptz,
            CONSTRAINT pk_client_bases PRIMARY KEY (id),
            CONSTRAINT ck_client_bases_type_client CHECK (type_client IN ('PARTICULIER', 'ENTREPRISE', 'PARTENAIRE')),
            CONSTRAINT fk_client_bases_client_entreprise_id FOREIGN KEY (client_entreprise_id) REFERENCES client_entreprises (id)
        );
        CREATE INDEX ix_client_bases_commercial ON client_bases (organisation_id, commercial_id);
        CREATE INDEX ix_client_bases_created_at ON client_bases (organisation_id, created_at, id);
        CREATE INDEX ix_client_bases_email ON client_bases (organisation_id, lower(email));
        CREATE INDEX ix_client_bases_societe ON client_bases (organisation_id, societe_id);
        CREATE INDEX ix_client_bases_statut ON client_bases (organisation_id, statut);
        CREATE UNIQUE INDEX uq_client_code ON client_bases (organisation_id, compte_code) WHERE supprime_le IS NULL;
        CREATE UNIQUE INDEX uq_client_tel_nom ON client_bases (organisation_id, telephone_e164, nom_cle) WHERE supprime_le IS NULL AND telephone_e164 IS NOT NULL;

        CREATE TABLE adresses (
            client_base_id uuid NOT NULL,
            ligne1 varchar(255) NOT NULL,
            ligne2 varchar(255),
            code_postal varchar(20) NOT NULL,
            ville varchar(100) NOT NULL,
            pays varchar(100) NOT NULL,
            type varchar(20) NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_adresses PRIMARY KEY (id),
            CONSTRAINT fk_adresses_client_base_id FOREIGN KEY (client_base_id) REFERENCES client_bases (id) ON DELETE CASCADE,
            CONSTRAINT ck_adresses_type CHECK (type IN ('PRINCIPALE', 'FACTURATION', 'LIVRAISON', 'AUTRE'))
        );
        CREATE INDEX ix_adresses_client_base_id ON adresses (organisation_id, client_base_id);
        CREATE UNIQUE INDEX uq_adresse_principale ON adresses (client_base_id) WHERE type = 'PRINCIPALE';

        CREATE TABLE client_partenaires (
            client_base_id uuid NOT NULL,
            partenaire_id varchar(64) NOT NULL,
            role varchar(50) NOT NULL,
            valid_from date NOT NULL,
            valid_to date,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_client_partenaires PRIMARY KEY (id),
            CONSTRAINT ck_client_partenaires_periode CHECK (valid_to IS NULL OR valid_to >= valid_from),
            CONSTRAINT ex_client_partenaire_periode EXCLUDE USING gist (int8range(hashtextextended(client_base_id::text || '/' || partenaire_id || '/' || role, 0), hashtextextended(client_base_id::text || '/' || partenaire_id || '/' || role, 0), '[]') WITH &&, daterange(valid_from, valid_to, '[]') WITH &&),
            CONSTRAINT fk_client_partenaires_client_base_id FOREIGN KEY (client_base_id) REFERENCES client_bases (id)
        );
        CREATE INDEX ix_client_partenaires_client ON client_partenaires (organisation_id, client_base_id);
        CREATE INDEX ix_client_partenaires_partenaire ON client_partenaires (organisation_id, partenaire_id);

        INSERT INTO statut_clients (id, organisation_id, code, nom, ordre_affichage, created_at, updated_at)
        SELECT gen_random_uuid(), NULL, code, nom, ordre, now(), now()
        FROM (VALUES ('PROSPECT', 'Prospect', 10), ('ACTIF', 'Actif', 20), ('SUSPENDU', 'Suspendu', 30),
                     ('INACTIF', 'Inactif', 40)) AS supplied (code, nom, ordre);
        """
    )
