"""What the conformance suite asks for and makes: each product has a sku of its own."""

VALUES = {"sku": "SKU-{}".format}
CHANGES = {"Produit": ("nom", ("Autre", "Premier", "Second"))}
