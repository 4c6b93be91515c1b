"""The two files of a validated bordereau: values in, PDF and XLSX out; no database, no clock (R25).

Importing this package imports neither fpdf2 nor openpyxl: the first rendering does.
"""

from service_commission.exports.rendering import Fichiers, file_name, render
from service_commission.exports.values import Imputation, LigneCommission, LigneReprise, Releve

__all__ = ["Fichiers", "Imputation", "LigneCommission", "LigneReprise", "Releve", "file_name", "render"]
