"""Which real day: debit dates, business days, holidays, and the plan of expected debits.

Owns: debit_configuration, holiday_zone, holiday, planned_debit, volume_threshold, csv_import,
calendar_audit. Emits and consumes nothing. The wiring is in `service.py`.
"""
