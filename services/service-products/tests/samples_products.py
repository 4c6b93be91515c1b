"""What the conformance suite asks for and makes: a sku, and the name of a grid, occurs once."""

VALUES = {"sku": "SKU-{}".format}
CHANGES = {
    "Produit": ("nom", ("Autre", "Premier", "Second")),
    "GrilleTarifaire": ("description", ("Autre", "Premier", "Second")),
}
