"""Company sheets of other countries, and where a company receives electronic invoices."""

from alembic import op

revision = "clients_0003"
down_revision = "clients_0002"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE client_entreprises
            ADD COLUMN pays char(2) DEFAULT 'FR' NOT NULL,
            ADD COLUMN identifiant_etranger varchar(50),
            ADD COLUMN adresse_electronique varchar(130),
            ALTER COLUMN siren DROP NOT NULL,
            ADD CONSTRAINT ck_client_entreprises_siren CHECK (
                (pays IN ('FR', 'GP', 'MQ', 'RE', 'GF', 'YT', 'PM', 'BL', 'MF', 'NC', 'PF', 'WF'))
                = (siren IS NOT NULL)),
            ADD CONSTRAINT ck_client_entreprises_identifiee CHECK (
                coalesce(siren, numero_tva, identifiant_etranger) IS NOT NULL);

        DROP INDEX uq_client_entreprise_siren;
        CREATE UNIQUE INDEX uq_client_entreprise_siren ON client_entreprises (organisation_id, siren)
            WHERE siren IS NOT NULL;
        CREATE UNIQUE INDEX uq_client_entreprise_tva ON client_entreprises (organisation_id, numero_tva)
            WHERE siren IS NULL AND numero_tva IS NOT NULL;
        """
    )
