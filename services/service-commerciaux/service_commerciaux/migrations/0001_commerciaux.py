"""Apporteurs, barèmes with their tiers, and distribution models."""

from alembic import op

revision = "commerciaux_0001"
down_revision = None
branch_labels = ("commerciaux",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE modeles_distribution (
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            code varchar(50) NOT NULL,
            nom varchar(100) NOT NULL,
            nom_cle text COLLATE "C" DEFAULT '' NOT NULL,
            recherche_cle bytea DEFAULT '' NOT NULL,
            description text,
            CONSTRAINT pk_modeles_distribution PRIMARY KEY (id)
        );
        CREATE UNIQUE INDEX uq_modele_distribution_code ON modeles_distribution (organisation_id, code);
        CREATE INDEX ix_modeles_distribution_nom ON modeles_distribution (organisation_id, nom_cle, id);

        CREATE TABLE apporteurs (
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            utilisateur_id varchar(64),
            nom varchar(100) NOT NULL,
            prenom varchar(100) NOT NULL,
            nom_cle text COLLATE "C" DEFAULT '' NOT NULL,
            prenom_cle text COLLATE "C" DEFAULT '' NOT NULL,
            recherche_cle bytea DEFAULT '' NOT NULL,
            type_apporteur varchar(20) DEFAULT 'VRP' NOT NULL,
            email varchar(255),
            telephone varchar(30),
            societe_id varchar(64),
            manager_id uuid,
            modele_distribution_id uuid,
            actif boolean DEFAULT true NOT NULL,
            CONSTRAINT pk_apporteurs PRIMARY KEY (id),
            CONSTRAINT ck_apporteurs_type_apporteur
                CHECK (type_apporteur IN ('VRP', 'MANAGER', 'DIRECTEUR', 'PARTENAIRE', 'AUTRE')),
            CONSTRAINT fk_apporteurs_manager_id FOREIGN KEY (manager_id) REFERENCES apporteurs (id),
            CONSTRAINT fk_apporteurs_modele_distribution_id FOREIGN KEY (modele_distribution_id)
                REFERENCES modeles_distribution (id)
        );
        CREATE UNIQUE INDEX uq_apporteur_nom ON apporteurs (organisation_id, nom_cle, prenom_cle);
        CREATE UNIQUE INDEX uq_apporteur_email ON apporteurs (organisation_id, email)
            WHERE email IS NOT NULL;
        CREATE UNIQUE INDEX uq_apporteur_utilisateur ON apporteurs (organisation_id, utilisateur_id)
            WHERE utilisateur_id IS NOT NULL;
        CREATE INDEX ix_apporteurs_nom ON apporteurs (organisation_id, nom_cle, id);
        CREATE INDEX ix_apporteurs_prenom ON apporteurs (organisation_id, prenom_cle, id);
        CREATE INDEX ix_apporteurs_created_at ON apporteurs (organisation_id, created_at, id);
        CREATE INDEX ix_apporteurs_actif ON apporteurs (organisation_id, actif, nom_cle);
        CREATE INDEX ix_apporteurs_manager ON apporteurs (manager_id);
        CREATE INDEX ix_apporteurs_modele ON apporteurs (modele_distribution_id);

        CREATE TABLE baremes_commission (
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            code varchar(50) NOT NULL,
            version_bareme integer NOT NULL,
            derniere boolean NOT NULL,
            nom varchar(255) NOT NULL,
            nom_cle text COLLATE "C" DEFAULT '' NOT NULL,
            recherche_cle bytea DEFAULT '' NOT NULL,
            description text,
            type_calcul varchar(20) DEFAULT 'fixe' NOT NULL,
            base_calcul varchar(20) DEFAULT 'forfait' NOT NULL,
            montant_fixe numeric(14, 2),
            taux_pourcentage numeric(5, 2),
            precomptee boolean DEFAULT false NOT NULL,
            recurrence_active boolean DEFAULT false NOT NULL,
            taux_recurrence numeric(5, 2),
            duree_recurrence_mois integer,
            duree_reprises_mois integer DEFAULT 3 NOT NULL,
            taux_reprise numeric(5, 2) DEFAULT 100 NOT NULL,
            type_produit varchar(50),
            profil_remuneration varchar(50),
            societe_id varchar(64),
            canal_vente varchar(20),
            repartition_commercial numeric(5, 2) DEFAULT 100 NOT NULL,
            repartition_manager numeric(5, 2) DEFAULT 0 NOT NULL,
            repartition_agence numeric(5, 2) DEFAULT 0 NOT NULL,
            repartition_entreprise numeric(5, 2) DEFAULT 0 NOT NULL,
            date_effet date NOT NULL,
            date_fin date,
            actif boolean DEFAULT true NOT NULL,
            cree_par varchar(255),
            modifie_par varchar(255),
            motif_modification text,
            CONSTRAINT pk_baremes_commission PRIMARY KEY (id),
            CONSTRAINT ck_baremes_commission_periode CHECK (date_fin IS NULL OR date_fin >= date_effet),
            CONSTRAINT ck_baremes_commission_type_calcul
                CHECK (type_calcul IN ('fixe', 'pourcentage', 'palier', 'mixte')),
            CONSTRAINT ck_baremes_commission_base_calcul
                CHECK (base_calcul IN ('cotisation_ht', 'ca_ht', 'forfait')),
            CONSTRAINT ck_baremes_commission_canal_vente
                CHECK (canal_vente IN ('terrain', 'web', 'televente', 'partenaire'))
        );
        CREATE UNIQUE INDEX uq_bareme_version ON baremes_commission (organisation_id, code, version_bareme);
        CREATE UNIQUE INDEX uq_bareme_derniere ON baremes_commission (organisation_id, code) WHERE derniere;
        CREATE INDEX ix_baremes_commission_nom ON baremes_commission (organisation_id, nom_cle, id);
        CREATE INDEX ix_baremes_commission_code ON baremes_commission (organisation_id, code, id);
        CREATE INDEX ix_baremes_commission_date_effet ON baremes_commission (organisation_id, date_effet, id);
        CREATE INDEX ix_baremes_commission_actif ON baremes_commission (organisation_id, actif, date_effet);

        CREATE TABLE paliers_commission (
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            bareme_id uuid NOT NULL,
            code varchar(50) NOT NULL,
            nom varchar(255) NOT NULL,
            type_palier varchar(20) DEFAULT 'volume' NOT NULL,
            seuil_min numeric(14, 2) NOT NULL,
            seuil_max numeric(14, 2),
            montant_prime numeric(14, 2) DEFAULT 0 NOT NULL,
            taux_bonus numeric(5, 2),
            cumulable boolean DEFAULT true NOT NULL,
            par_periode boolean DEFAULT true NOT NULL,
            type_produit varchar(50),
            ordre integer DEFAULT 0 NOT NULL,
            CONSTRAINT pk_paliers_commission PRIMARY KEY (id),
            CONSTRAINT ck_paliers_commission_seuils CHECK (seuil_max IS NULL OR seuil_max > seuil_min),
            CONSTRAINT ck_paliers_commission_type_palier
                CHECK (type_palier IN ('volume', 'ca', 'prime_produit')),
            CONSTRAINT fk_paliers_commission_bareme_id FOREIGN KEY (bareme_id)
                REFERENCES baremes_commission (id) ON DELETE CASCADE
        );
        CREATE UNIQUE INDEX uq_palier_code ON paliers_commission (bareme_id, code);
        """
    )
