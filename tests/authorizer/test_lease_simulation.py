"""What docs/performance.md says of leases, by the simulation that it quotes."""

import pytest

from access.limits import Quota, RateLimit
from benchmarks.leases import Scenario, simulate


@pytest.mark.parametrize("seed", [1, 2])
def test_leases_at_twenty_requests_a_second_save_nine_writes_of_ten_and_strand_a_thousandth_at_most(seed):
    result = simulate(Scenario("", Quota(40_000, "day"), 1000, 1000, 50, 42_000), seed)

    assert result.over == 0
    assert result.writes_per_admitted < 0.1
    assert result.stranded < 0.1


@pytest.mark.parametrize("staleness_ms", [0, 1000, 5000])
def test_a_leased_rate_limit_is_never_exceeded(staleness_ms):
    result = simulate(Scenario("", RateLimit(6_000, "minute"), staleness_ms, 300, 10, 24_000))

    assert result.over == 0
    assert result.admitted > 6_000
