"""Ranges, products, price grids, prices, and the history of prices, which nobody changes."""

from alembic import op

revision = "products_0001"
down_revision = None
branch_labels = ("products",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE gammes (
            code varchar(50) NOT NULL,
            nom varchar(100) NOT NULL,
            nom_cle text COLLATE "C" DEFAULT '' NOT NULL,
            description text,
            icone varchar(50),
            ordre integer DEFAULT 0 NOT NULL,
            actif boolean DEFAULT true NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_gammes PRIMARY KEY (id)
        );
        CREATE UNIQUE INDEX uq_gamme_code ON gammes (organisation_id, code);
        CREATE INDEX ix_gammes_ordre ON gammes (organisation_id, ordre, id);
        CREATE INDEX ix_gammes_nom ON gammes (organisation_id, nom_cle, id);

        CREATE TABLE produits (
            sku varchar(50) NOT NULL,
            nom varchar(200) NOT NULL,
            nom_cle text COLLATE "C" DEFAULT '' NOT NULL,
            recherche_cle bytea DEFAULT '' NOT NULL,
            gamme_id uuid,
            description text,
            categorie varchar(20) DEFAULT 'SERVICE' NOT NULL,
            type varchar(20) DEFAULT 'INTERNE' NOT NULL,
            prix numeric(14, 2) DEFAULT 0 NOT NULL,
            taux_tva numeric(5, 2) DEFAULT 20 NOT NULL,
            motif_exoneration varchar(30),
            devise char(3) DEFAULT 'EUR' NOT NULL,
            actif boolean DEFAULT true NOT NULL,
            statut_cycle varchar(20) DEFAULT 'ACTIF' NOT NULL,
            prix_promotion numeric(14, 2),
            date_debut_promotion timestamptz,
            date_fin_promotion timestamptz,
            image_url text,
            code_externe varchar(100),
            metadata jsonb NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            supprime_le timestamptz,
            CONSTRAINT pk_produits PRIMARY KEY (id),
            CONSTRAINT fk_produits_gamme_id FOREIGN KEY (gamme_id) REFERENCES gammes (id),
            CONSTRAINT ck_produits_categorie CHECK (categorie IN ('ASSURANCE', 'PREVOYANCE', 'EPARGNE', 'SERVICE', 'ACCESSOIRE')),
            CONSTRAINT ck_produits_type CHECK (type IN ('INTERNE', 'PARTENAIRE')),
            CONSTRAINT ck_produits_statut_cycle CHECK (statut_cycle IN ('BROUILLON', 'TEST', 'ACTIF', 'GELE', 'RETIRE')),
            CONSTRAINT ck_produits_motif_exoneration CHECK (motif_exoneration IN ('FRANCHISE_293B', 'EXONERATION_261C', 'EXONERATION_261_4', 'AUTOLIQUIDATION', 'INTRACOM', 'EXPORT', 'HORS_CHAMP')),
            CONSTRAINT ck_produits_prix CHECK (prix >= 0),
            CONSTRAINT ck_produits_taux_tva CHECK (taux_tva BETWEEN 0 AND 100),
            CONSTRAINT ck_produits_exoneration CHECK (motif_exoneration IS NULL OR taux_tva = 0),
            CONSTRAINT ck_produits_promotion CHECK ((prix_promotion IS NULL) = (date_debut_promotion IS NULL)),
            CONSTRAINT ck_produits_duree_promotion CHECK (date_fin_promotion > date_debut_promotion)
        );
        CREATE UNIQUE INDEX uq_produit_sku ON produits (organisation_id, sku) WHERE supprime_le IS NULL;
        CREATE INDEX ix_produits_nom ON produits (organisation_id, nom_cle, id) WHERE supprime_le IS NULL;
        CREATE INDEX ix_produits_prix ON produits (organisation_id, prix, id) WHERE supprime_le IS NULL;
        CREATE INDEX ix_produits_created_at ON produits (organisation_id, created_at, id) WHERE supprime_le IS NULL;
        CREATE INDEX ix_produits_gamme ON produits (organisation_id, gamme_id);
        CREATE INDEX ix_produits_promotion ON produits (organisation_id, nom_cle, id)
            WHERE supprime_le IS NULL AND prix_promotion IS NOT NULL;

        CREATE TABLE grilles_tarifaires (
            nom varchar(100) NOT NULL,
            nom_cle text COLLATE "C" DEFAULT '' NOT NULL,
            description text,
            date_debut date,
            date_fin date,
            est_par_defaut boolean DEFAULT false NOT NULL,
            actif boolean DEFAULT true NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_grilles_tarifaires PRIMARY KEY (id),
            CONSTRAINT ck_grilles_tarifaires_periode CHECK (date_fin >= date_debut),
            CONSTRAINT ck_grilles_tarifaires_par_defaut CHECK (actif OR NOT est_par_defaut)
        );
        CREATE UNIQUE INDEX uq_grille_nom ON grilles_tarifaires (organisation_id, nom_cle);
        CREATE UNIQUE INDEX uq_grille_par_defaut ON grilles_tarifaires (organisation_id) WHERE est_par_defaut;
        CREATE INDEX ix_grilles_actif ON grilles_tarifaires (organisation_id, actif, date_debut, date_fin);
        CREATE INDEX ix_grilles_date_debut ON grilles_tarifaires (organisation_id, coalesce(date_debut, '0001-01-01'::date), id);

        CREATE TABLE prix_produits (
            grille_tarifaire_id uuid NOT NULL,
            produit_id uuid NOT NULL,
            prix_unitaire numeric(14, 2) NOT NULL,
            remise_pourcent numeric(5, 2) DEFAULT 0 NOT NULL,
            prix_minimum numeric(14, 2),
            prix_maximum numeric(14, 2),
            actif boolean DEFAULT true NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_prix_produits PRIMARY KEY (id),
            CONSTRAINT fk_prix_produits_grille_tarifaire_id FOREIGN KEY (grille_tarifaire_id)
                REFERENCES grilles_tarifaires (id) ON DELETE CASCADE,
            CONSTRAINT fk_prix_produits_produit_id FOREIGN KEY (produit_id) REFERENCES produits (id),
            CONSTRAINT ck_prix_produits_prix_unitaire CHECK (prix_unitaire >= 0),
            CONSTRAINT ck_prix_produits_remise_pourcent CHECK (remise_pourcent BETWEEN 0 AND 100),
            CONSTRAINT ck_prix_produits_bornes_positives CHECK (prix_minimum >= 0 AND prix_maximum >= 0),
            CONSTRAINT ck_prix_produits_bornes CHECK (prix_minimum <= prix_maximum)
        );
        CREATE UNIQUE INDEX uq_prix_produit ON prix_produits (grille_tarifaire_id, produit_id);
        CREATE INDEX ix_prix_produits_grille ON prix_produits (organisation_id, grille_tarifaire_id, created_at, id);
        CREATE INDEX ix_prix_produits_produit ON prix_produits (organisation_id, produit_id, created_at, id);

        CREATE TABLE historique_prix (
            id uuid NOT NULL,
            prix_produit_id uuid NOT NULL,
            ancien jsonb,
            nouveau jsonb NOT NULL,
            auteur_id varchar(255) NOT NULL,
            created_at timestamptz NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_historique_prix PRIMARY KEY (id),
            CONSTRAINT fk_historique_prix_prix_produit_id FOREIGN KEY (prix_produit_id) REFERENCES prix_produits (id)
        );
        CREATE INDEX ix_historique_prix ON historique_prix (organisation_id, prix_produit_id, created_at, id);

        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME;
        END $$;
        CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON historique_prix
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        """
    )
