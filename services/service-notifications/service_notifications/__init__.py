"""Notifications shown inside the application and streamed live, with a read state per user.

Owns: notifications, lectures, abonnements, connexions. Emits nothing. Consumes: client.created,
invoice.created, payment.received, payment.rejected. The wiring is in `service.py`.
"""
