"""Token buckets that hold less than a minute's tokens."""

from service_kit.buckets import Buckets
from service_testing.seconds import Seconds


def test_a_bucket_may_hold_less_than_comes_in_a_minute() -> None:
    """Ten at once, then one each second."""
    now = Seconds()
    bucket = Buckets(60, now, burst=10)
    assert [bucket.take("a") > 0 for _ in range(11)] == [False] * 10 + [True]
    now.passed = 1.0
    assert [bucket.take("a") for _ in range(2)] == [0.0, 1.0]
    now.passed = 3600.0
    assert [bucket.take("a") > 0 for _ in range(11)] == [False] * 10 + [True]
