"""The template that tells a client of the contract that he has signed."""

from alembic import op

revision = "email_0007"
down_revision = "email_0006"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        INSERT INTO modeles (id, organisation_id, code, langue, variables, sujet, corps_texte, corps_html, updated_at)
        VALUES (
            gen_random_uuid(), NULL, 'CONTRAT_SIGNE', 'fr', '{prenom,nom,contrat_id,montant_total,date_signature}',
            $sujet$Votre contrat est signé$sujet$,
            $texte$Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},

Votre contrat a été signé le {{ date_signature }}. Nous vous remercions de votre confiance.

Référence du contrat : {{ contrat_id }}
Montant total : {{ montant_total }}

Cordialement,
Votre conseiller
$texte$,
            $html$<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><title>Votre contrat est signé</title></head>
<body>
<p>Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},</p>
<p>Votre contrat a été signé le {{ date_signature }}. Nous vous remercions de votre confiance.</p>
<p>Référence du contrat&nbsp;: {{ contrat_id }}<br>
Montant total&nbsp;: {{ montant_total }}</p>
<p>Cordialement,<br>
Votre conseiller</p>
</body>
</html>
$html$,
            now()
        );
        """
    )
