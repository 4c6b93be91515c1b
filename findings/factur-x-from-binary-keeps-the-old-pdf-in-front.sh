#!/usr/bin/env bash
# factur-x 7.8 (PyPI, https://github.com/akretion/factur-x).
#
# generate_from_binary(pdf, xml) answers more than the invoice: all but the end of the PDF that it was
# given, and behind it the Factur-X file, in one. The result has two headers and nearly twice the size;
# its addresses count from the first header, so that readers find the invoice. generate_from_file() with
# another output file writes the invoice alone.
#
# Seen, of one page made with fpdf2 2.8.9 and an invoice of profile MINIMUM, in bytes:
#   PDF given 42239   from_file 45090, headers 1   from_binary 86586, headers 2, the second at 41496
#
# Exits non-zero when this has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check factur-x==7.8 fpdf2==2.8.9
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from pathlib import Path

import facturx
from fpdf import FPDF

UN = "urn:un:unece:uncefact:data:standard"
XML = f"""<?xml version="1.0" encoding="UTF-8"?>
<r:CrossIndustryInvoice xmlns:r="{UN}:CrossIndustryInvoice:100" xmlns:u="{UN}:UnqualifiedDataType:100"
    xmlns:a="{UN}:ReusableAggregateBusinessInformationEntity:100">
  <r:ExchangedDocumentContext><a:GuidelineSpecifiedDocumentContextParameter>
    <a:ID>urn:factur-x.eu:1p0:minimum</a:ID>
  </a:GuidelineSpecifiedDocumentContextParameter></r:ExchangedDocumentContext>
  <r:ExchangedDocument><a:ID>F1</a:ID><a:TypeCode>380</a:TypeCode><a:IssueDateTime>
    <u:DateTimeString format="102">20261130</u:DateTimeString>
  </a:IssueDateTime></r:ExchangedDocument>
  <r:SupplyChainTradeTransaction>
    <a:ApplicableHeaderTradeAgreement>
      <a:SellerTradeParty><a:Name>Vendeur</a:Name><a:PostalTradeAddress><a:CountryID>FR</a:CountryID>
      </a:PostalTradeAddress></a:SellerTradeParty>
      <a:BuyerTradeParty><a:Name>Acheteur</a:Name></a:BuyerTradeParty>
    </a:ApplicableHeaderTradeAgreement>
    <a:ApplicableHeaderTradeDelivery/>
    <a:ApplicableHeaderTradeSettlement>
      <a:InvoiceCurrencyCode>EUR</a:InvoiceCurrencyCode>
      <a:SpecifiedTradeSettlementHeaderMonetarySummation>
        <a:TaxBasisTotalAmount>100.00</a:TaxBasisTotalAmount>
        <a:GrandTotalAmount>100.00</a:GrandTotalAmount>
        <a:DuePayableAmount>100.00</a:DuePayableAmount>
      </a:SpecifiedTradeSettlementHeaderMonetarySummation>
    </a:ApplicableHeaderTradeSettlement>
  </r:SupplyChainTradeTransaction>
</r:CrossIndustryInvoice>""".encode()

page = FPDF()
page.compress = False
page.add_page()
page.set_font("Helvetica", size=10)
for number in range(400):
    page.cell(0, 5, f"Ligne {number} " + "x" * 60, new_x="LMARGIN", new_y="NEXT")
pdf = bytes(page.output())

given, merged = Path(sys.argv[1], "given.pdf"), Path(sys.argv[1], "merged.pdf")
given.write_bytes(pdf)
facturx.generate_from_file(
    str(given), XML, level="minimum", check_schematron=False, output_pdf_file=str(merged)
)
alone = merged.read_bytes()
binary = facturx.generate_from_binary(pdf, XML, level="minimum", check_schematron=False)

second = binary.find(b"%PDF-", 1)
print(
    f"PDF given {len(pdf)}   from_file {len(alone)}, headers {alone.count(b'%PDF-')}"
    f"   from_binary {len(binary)}, headers {binary.count(b'%PDF-')}, the second at {second}"
)
assert alone.startswith(b"%PDF-") and alone.count(b"%PDF-") == 1
assert binary.count(b"%PDF-") == 2 and binary[:second] == pdf[:second]
assert len(binary) > len(alone) + second - 100
PYTHON
