"""Attachments: the PDF of an invoice; mails without links where no application is known."""

from alembic import op

revision = "email_0009"
down_revision = "email_0008"
branch_labels = None

# The variables of these templates stay the same: the former version fills them in, too.


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE messages ADD COLUMN facture_id varchar(64);
        ALTER TABLE messages ADD COLUMN corps_sans_piece jsonb;
        ALTER TABLE messages ADD COLUMN pieces_jointes jsonb NOT NULL DEFAULT '[]';

        CREATE TABLE contenus_pieces (
            message_id uuid NOT NULL,
            rang integer NOT NULL,
            contenu bytea NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_contenus_pieces PRIMARY KEY (message_id, rang),
            CONSTRAINT fk_contenus_pieces_message_id FOREIGN KEY (message_id) REFERENCES messages (id)
        );

        INSERT INTO modeles (id, organisation_id, code, langue, variables, sujet, corps_texte, corps_html, updated_at)
        VALUES (
            gen_random_uuid(), NULL, 'FACTURE_JOINTE', 'fr', '{prenom,nom,numero,montant,date_echeance,lien}',
            $sujet$Votre facture {{ numero }}$sujet$,
            $texte$Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},

Vous trouverez ci-joint votre facture {{ numero }} d'un montant de {{ montant }}.{% if date_echeance %} Elle est à régler au plus tard le {{ date_echeance }}.{% endif %}
{% if lien %}
Elle est aussi disponible à cette adresse :
{{ lien }}
{% endif %}
Cordialement,
Votre conseiller
$texte$,
            $html$<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><title>Votre facture {{ numero }}</title></head>
<body>
<p>Bonjour{% if prenom %} {{ prenom }}{% endif %}{% if nom %} {{ nom }}{% endif %},</p>
<p>Vous trouverez ci-joint votre facture {{ numero }} d'un montant de {{ montant }}.{% if date_echeance %} Elle est à régler au plus tard le {{ date_echeance }}.{% endif %}</p>
{% if lien %}<p><a href="{{ lien }}">Voir la facture en ligne</a></p>
{% endif %}<p>Cordialement,<br>
Votre conseiller</p>
</body>
</html>
$html$,
            now()
        );
        """
    )
    op.execute(
        """
        UPDATE modeles SET
            corps_texte = replace(corps_texte,
                E'Vous la trouverez à cette adresse :\\n{{ lien }}\\n\\n',
                E'{% if lien %}Vous la trouverez à cette adresse :\\n{{ lien }}\\n\\n{% endif %}'),
            corps_html = replace(corps_html,
                '<p><a href="{{ lien }}">Voir la facture</a></p>',
                '{% if lien %}<p><a href="{{ lien }}">Voir la facture</a></p>{% endif %}')
        WHERE code = 'FACTURE_EMISE';

        UPDATE modeles SET
            corps_texte = replace(corps_texte,
                E'Référence du contrat : {{ contrat_id }}\\n',
                E'{% if contrat_id %}Référence du contrat : {{ contrat_id }}\\n{% endif %}'),
            corps_html = replace(corps_html,
                E'Référence du contrat&nbsp;: {{ contrat_id }}<br>\\n',
                E'{% if contrat_id %}Référence du contrat&nbsp;: {{ contrat_id }}<br>\\n{% endif %}')
        WHERE code = 'CONTRAT_SIGNE';

        UPDATE modeles SET
            corps_texte = replace(corps_texte,
                E'Vous pouvez vous connecter dès maintenant :\\n{{ lien_application }}\\n',
                E'Vous pouvez vous connecter dès maintenant{% if lien_application %} :\\n{{ lien_application }}{% else %}.{% endif %}\\n'),
            corps_html = replace(corps_html,
                E'dès maintenant&nbsp;:\\n<a href="{{ lien_application }}">{{ lien_application }}</a>',
                E'dès maintenant{% if lien_application %}&nbsp;:\\n<a href="{{ lien_application }}">{{ lien_application }}</a>{% else %}.{% endif %}')
        WHERE code = 'BIENVENUE_UTILISATEUR';

        UPDATE modeles SET
            corps_texte = replace(corps_texte,
                E'Connectez-vous ici :\\n{{ lien_application }}\\n',
                E'{% if lien_application %}Connectez-vous ici :\\n{{ lien_application }}{% else %}Vous pouvez vous connecter.{% endif %}\\n'),
            corps_html = replace(corps_html,
                E'<p>Connectez-vous ici&nbsp;:\\n<a href="{{ lien_application }}">{{ lien_application }}</a></p>',
                E'<p>{% if lien_application %}Connectez-vous ici&nbsp;:\\n<a href="{{ lien_application }}">{{ lien_application }}</a>{% else %}Vous pouvez vous connecter.{% endif %}</p>')
        WHERE code = 'COMPTE_REPRIS';

        UPDATE modeles SET
            corps_texte = replace(corps_texte,
                'ouvrez ce lien :',
                '{% if "://" in lien %}ouvrez ce lien :{% else %}donnez ce code là où il vous est demandé :{% endif %}'),
            corps_html = replace(corps_html,
                E'ouvrez ce lien&nbsp;:\\n<a href="{{ lien }}">{{ lien }}</a>',
                E'{% if "://" in lien %}ouvrez ce lien&nbsp;:\\n<a href="{{ lien }}">{{ lien }}</a>{% else %}donnez ce code là où il vous est demandé&nbsp;: {{ lien }}{% endif %}')
        WHERE code = 'CONFIRMATION_ADRESSE';

        UPDATE modeles SET corps_texte = replace(corps_texte, ' :', U&'\\00A0:');
        """
    )
