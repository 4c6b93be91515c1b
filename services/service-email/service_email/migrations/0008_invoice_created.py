"""The template that tells a client of an invoice."""

from alembic import op

revision = "email_0008"
down_revision = "email_0007"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        INSERT INTO modeles (id, organisation_id, code, langue, variables, sujet, corps_texte, corps_html, updated_at)
        VALUES (
            gen_random_uuid(), NULL, 'FACTURE_EMISE', 'fr', '{prenom,nom,numero,montant,date_echeance,lien}',
            $sujet$Votre facture {{ numero }}$sujet$,
            $texte$Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},

Votre facture {{ numero }} d'un montant de {{ montant }} est disponible.{% if date_echeance %} Elle est à régler au plus tard le {{ date_echeance }}.{% endif %}

Vous la trouverez à cette adresse :
{{ lien }}

Cordialement,
Votre conseiller
$texte$,
            $html$<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><title>Votre facture {{ numero }}</title></head>
<body>
<p>Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},</p>
<p>Votre facture {{ numero }} d'un montant de {{ montant }} est disponible.{% if date_echeance %} Elle est à régler au plus tard le {{ date_echeance }}.{% endif %}</p>
<p><a href="{{ lien }}">Voir la facture</a></p>
<p>Cordialement,<br>
Votre conseiller</p>
</body>
</html>
$html$,
            now()
        );
        """
    )
