"""What the conformance suite says when it makes an acompte or a bordereau."""

from service_commission.periodes import current

VALUES = {"periode": lambda number: current()}
