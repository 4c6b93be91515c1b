"""The templates that tell a client of a rejected debit, and of its new presentation."""

from alembic import op

revision = "email_0010"
down_revision = "email_0009"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        INSERT INTO modeles (id, organisation_id, code, langue, variables, sujet, corps_texte, corps_html, updated_at)
        VALUES (
            gen_random_uuid(), NULL, 'PAIEMENT_REJETE', 'fr', '{prenom,nom,motif,montant,lien_coordonnees}',
            $sujet$Votre prélèvement a été rejeté$sujet$,
            $texte$Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},

Votre prélèvement{% if montant %} de {{ montant }}{% endif %} a été rejeté. {{ motif }}
{% if lien_coordonnees %}
Vous pouvez le faire à cette adresse :
{{ lien_coordonnees }}
{% endif %}
Cordialement,
Votre conseiller
$texte$,
            $html$<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><title>Votre prélèvement a été rejeté</title></head>
<body>
<p>Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},</p>
<p>Votre prélèvement{% if montant %} de {{ montant }}{% endif %} a été rejeté. {{ motif }}</p>
{% if lien_coordonnees %}<p><a href="{{ lien_coordonnees }}">Coordonnées bancaires et mandat de prélèvement</a></p>
{% endif %}<p>Cordialement,<br>
Votre conseiller</p>
</body>
</html>
$html$,
            now()
        ), (
            gen_random_uuid(), NULL, 'REPRESENTATION_PRELEVEMENT', 'fr',
            '{prenom,nom,montant,date_initiale,motif,date_nouvelle}',
            $sujet$Nouvelle présentation de votre prélèvement$sujet$,
            $texte$Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},

Le prélèvement de {{ montant }}{% if date_initiale %} du {{ date_initiale }}{% endif %} n'a pas pu être effectué{% if motif %} ({{ motif }}){% endif %}. Il sera présenté à nouveau le {{ date_nouvelle }}.

Cordialement,
Votre conseiller
$texte$,
            $html$<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><title>Nouvelle présentation de votre prélèvement</title></head>
<body>
<p>Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},</p>
<p>Le prélèvement de {{ montant }}{% if date_initiale %} du {{ date_initiale }}{% endif %} n'a pas pu être effectué{% if motif %} ({{ motif }}){% endif %}. Il sera présenté à nouveau le {{ date_nouvelle }}.</p>
<p>Cordialement,<br>
Votre conseiller</p>
</body>
</html>
$html$,
            now()
        );
        UPDATE modeles SET corps_texte = replace(corps_texte, ' :', U&'\\00A0:')
        WHERE code IN ('PAIEMENT_REJETE', 'REPRESENTATION_PRELEVEMENT');
        """
    )
