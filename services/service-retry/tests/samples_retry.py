"""What the conformance suite says when it makes a policy; schedules are made of rejected payments alone."""

MADE_ELSEWHERE = {"RetrySchedule": "payments"}
VALUES = {
    "date_from": "2026-02-01",
    "date_to": "2026-02-28",
    "motif_rejet": "AM04",
}
