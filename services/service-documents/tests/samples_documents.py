"""What the conformance suite says when it makes a file: a name and a content that fit each other."""

VALUES = {"entite_type": "CLIENT"}
FIELDS = {
    "PieceJointe": {
        "nom_fichier": "essai.txt",
        "entite_type": "CLIENT",
        "entite_id": "client-123",
        "contenu": b"Bonjour",
    }
}
