"""Invoices and credit notes as French law wants them: numbers, VAT, mentions and documents."""
