"""Files, the space that they take, and archives that are to be made."""

from alembic import op

revision = "documents_0001"
down_revision = None
branch_labels = ("documents",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE pieces_jointes (
            organisation_id varchar(64) NOT NULL,
            nom_fichier varchar(255) NOT NULL,
            nom_fichier_cle text COLLATE "C" DEFAULT '' NOT NULL,
            recherche_cle bytea DEFAULT '' NOT NULL,
            type_mime varchar(127) NOT NULL,
            taille bigint NOT NULL,
            sha256 char(64) NOT NULL,
            cle_stockage varchar(512) NOT NULL,
            moteur varchar(10) NOT NULL,
            entite_type varchar(30) NOT NULL,
            entite_id varchar(64) NOT NULL,
            categorie varchar(40) NOT NULL,
            description varchar(500),
            immuable boolean NOT NULL,
            uploaded_by varchar(255) NOT NULL,
            date_upload timestamptz NOT NULL,
            etat varchar(12) NOT NULL,
            expire_le timestamptz,
            a_purger_le timestamptz,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            CONSTRAINT pk_pieces_jointes PRIMARY KEY (id),
            CONSTRAINT ck_pieces_jointes_taille CHECK (taille >= 0),
            CONSTRAINT ck_pieces_jointes_moteur CHECK (moteur IN ('fichier', 's3')),
            CONSTRAINT ck_pieces_jointes_entite_type CHECK (entite_type IN ('CLIENT', 'CONTRAT', 'FACTURE',
                'PRODUIT', 'ACTIVITE', 'TACHE', 'ORGANISATION', 'AUTRE')),
            CONSTRAINT ck_pieces_jointes_categorie CHECK (categorie IN ('GENERAL', 'CONTRAT_SIGNE',
                'FACTURE_PDF', 'MANDAT', 'DEVIS', 'DIPA', 'CG', 'CP', 'TARIF', 'SCRIPT', 'MEDIA', 'IDENTITE')),
            CONSTRAINT ck_pieces_jointes_etat CHECK (etat IN ('en_cours', 'disponible', 'efface', 'purge'))
        );
        CREATE UNIQUE INDEX uq_piece_jointe_cle_stockage ON pieces_jointes (cle_stockage);
        CREATE UNIQUE INDEX uq_archive_contrat ON pieces_jointes (organisation_id, entite_id)
            WHERE categorie = 'CONTRAT_SIGNE';
        CREATE INDEX ix_pieces_jointes_entite
            ON pieces_jointes (organisation_id, entite_type, entite_id, date_upload, id);
        CREATE INDEX ix_pieces_jointes_recherche ON pieces_jointes (organisation_id, date_upload, id)
            INCLUDE (recherche_cle, etat);
        CREATE INDEX ix_pieces_jointes_nom_fichier ON pieces_jointes (organisation_id, nom_fichier_cle, id);
        CREATE INDEX ix_pieces_jointes_taille ON pieces_jointes (organisation_id, taille, id);
        CREATE INDEX ix_pieces_jointes_sha256 ON pieces_jointes (sha256);
        CREATE INDEX ix_pieces_jointes_a_purger_le ON pieces_jointes (a_purger_le, id)
            WHERE a_purger_le IS NOT NULL;
        CREATE INDEX ix_pieces_jointes_expire_le ON pieces_jointes (expire_le, id) WHERE expire_le IS NOT NULL;
        CREATE TABLE usage_organisation (
            organisation_id varchar(64) NOT NULL,
            octets bigint NOT NULL,
            fichiers bigint NOT NULL,
            CONSTRAINT pk_usage_organisation PRIMARY KEY (organisation_id)
        );
        CREATE TABLE archives_a_faire (
            organisation_id varchar(64) NOT NULL,
            contrat_id varchar(64) NOT NULL,
            event_id uuid,
            etat varchar(10) NOT NULL,
            tentatives integer NOT NULL,
            prochain_essai timestamptz,
            erreur text,
            CONSTRAINT pk_archives_a_faire PRIMARY KEY (organisation_id, contrat_id),
            CONSTRAINT ck_archives_a_faire_etat CHECK (etat IN ('en_attente', 'fait', 'echec'))
        );
        CREATE INDEX ix_archives_a_faire_prochain_essai ON archives_a_faire (prochain_essai)
            WHERE etat = 'en_attente';
        """
    )
