"""Keys bound to contents (C21), mails about accounts (R20), greetings without a stray space."""

from alembic import op

revision = "email_0003"
down_revision = "email_0002"
compatible = "the list of origins becomes longer, and holds all that the former version writes"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE messages ADD COLUMN contenu_hash bytea;
        ALTER TABLE messages DROP CONSTRAINT ck_messages_origine;
        ALTER TABLE messages ADD CONSTRAINT ck_messages_origine
            CHECK (origine IN ('rpc', 'bienvenue', 'compte', 'client.created', 'invoice.created', 'payment.rejected', 'contract.signed'))
            NOT VALID;

        UPDATE modeles SET
            sujet = replace(sujet, 'Bienvenue {{ prenom }}', 'Bienvenue{% if prenom %} {{ prenom }}{% endif %}'),
            corps_texte = replace(corps_texte, 'Bonjour {% if prenom %}{{ prenom }} {% endif %}{{ nom }},', 'Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},'),
            corps_html = replace(corps_html, 'Bonjour {% if prenom %}{{ prenom }} {% endif %}{{ nom }},', 'Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},');
        """
    )
    op.execute(
        """
        INSERT INTO modeles (id, organisation_id, code, langue, variables, sujet, corps_texte, corps_html, updated_at)
        VALUES (
            gen_random_uuid(), NULL, 'CONFIRMATION_ADRESSE', 'fr', '{prenom,nom,lien,expire_le}',
            $sujet$Confirmez votre adresse$sujet$,
            $texte$Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},

Pour confirmer que cette adresse est la vôtre, ouvrez ce lien :
{{ lien }}

Il est valable une fois, jusqu'au {{ expire_le }} (heure de Paris). Si vous n'avez rien
demandé, ne faites rien.

Cordialement,
L'équipe du CRM
$texte$,
            $html$<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><title>Confirmez votre adresse</title></head>
<body>
<p>Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},</p>
<p>Pour confirmer que cette adresse est la vôtre, ouvrez ce lien&nbsp;:
<a href="{{ lien }}">{{ lien }}</a></p>
<p>Il est valable une fois, jusqu'au {{ expire_le }} (heure de Paris). Si vous n'avez rien
demandé, ne faites rien.</p>
<p>Cordialement,<br>
L'équipe du CRM</p>
</body>
</html>
$html$,
            now()
        );

        INSERT INTO modeles (id, organisation_id, code, langue, variables, sujet, corps_texte, corps_html, updated_at)
        VALUES (
            gen_random_uuid(), NULL, 'CHANGEMENT_ADRESSE', 'fr', '{prenom,nom,nouvelle_adresse}',
            $sujet$Changement d'adresse demandé$sujet$,
            $texte$Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},

Une nouvelle adresse a été demandée pour votre compte : {{ nouvelle_adresse }}
Elle ne remplacera celle-ci qu'une fois confirmée.

Si vous n'avez rien demandé, changez votre mot de passe et prévenez votre administrateur.

Cordialement,
L'équipe du CRM
$texte$,
            $html$<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><title>Changement d'adresse demandé</title></head>
<body>
<p>Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},</p>
<p>Une nouvelle adresse a été demandée pour votre compte&nbsp;: {{ nouvelle_adresse }}<br>
Elle ne remplacera celle-ci qu'une fois confirmée.</p>
<p>Si vous n'avez rien demandé, changez votre mot de passe et prévenez votre administrateur.</p>
<p>Cordialement,<br>
L'équipe du CRM</p>
</body>
</html>
$html$,
            now()
        );

        INSERT INTO modeles (id, organisation_id, code, langue, variables, sujet, corps_texte, corps_html, updated_at)
        VALUES (
            gen_random_uuid(), NULL, 'COMPTE_REPRIS', 'fr', '{prenom,nom,lien_application}',
            $sujet$Votre adresse est confirmée$sujet$,
            $texte$Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},

Un compte existait déjà avec votre adresse, sans preuve qu'elle fût à son auteur. Il est
désormais le vôtre : son ancien mot de passe et ses autres accès ne sont plus valables.

Connectez-vous ici :
{{ lien_application }}

Cordialement,
L'équipe du CRM
$texte$,
            $html$<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><title>Votre adresse est confirmée</title></head>
<body>
<p>Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},</p>
<p>Un compte existait déjà avec votre adresse, sans preuve qu'elle fût à son auteur. Il est
désormais le vôtre&nbsp;: son ancien mot de passe et ses autres accès ne sont plus valables.</p>
<p>Connectez-vous ici&nbsp;:
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
