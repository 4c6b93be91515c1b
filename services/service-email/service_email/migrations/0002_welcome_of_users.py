"""The template that welcomes a new user of the CRM."""

from alembic import op

revision = "email_0002"
down_revision = "email_0001"


def upgrade() -> None:
    op.execute(
        """
        INSERT INTO modeles (id, organisation_id, code, langue, variables, sujet, corps_texte, corps_html, updated_at)
        VALUES (
            gen_random_uuid(), NULL, 'BIENVENUE_UTILISATEUR', 'fr', '{prenom,nom,lien_application}',
            'Votre accès au CRM',
            $texte$Bonjour {% if prenom %}{{ prenom }} {% endif %}{{ nom }},

Votre compte est ouvert. Vous pouvez vous connecter dès maintenant :
{{ lien_application }}

Cordialement,
L'équipe du CRM
$texte$,
            $html$<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><title>Votre accès au CRM</title></head>
<body>
<p>Bonjour {% if prenom %}{{ prenom }} {% endif %}{{ nom }},</p>
<p>Votre compte est ouvert. Vous pouvez vous connecter dès maintenant&nbsp;:
<a href="{{ lien_application }}">{{ lien_application }}</a></p>
<p>Cordialement,<br>
L'équipe du CRM</p>
</body>
</html>
$html$,
            now()
        );
        """
    )
