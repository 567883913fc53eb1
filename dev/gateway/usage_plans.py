"""Usage plans: which API keys a stage takes, and what API Gateway itself throttles."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

_PERIOD_SECONDS = {"DAY": 86_400, "WEEK": 7 * 86_400, "MONTH": 30 * 86_400}


class Plan(NamedTuple):
    """What a plan allows each of its keys. None: no such limit."""

    rate: float | None = None  # requests a second
    burst: int = 0
    quota: int | None = None
    quota_seconds: int = 0

    @classmethod
    def read(cls, throttle: Mapping[str, float], quota: Mapping[str, str]) -> "Plan":
        """Of a UsagePlan's Throttle and Quota. Raises KeyError where a quota names no period of API Gateway's."""
        return cls(
            float(throttle["RateLimit"]) if "RateLimit" in throttle else None,
            int(throttle.get("BurstLimit", 0)),
            int(quota["Limit"]) if quota else None,
            _PERIOD_SECONDS[quota["Period"]] if quota else 0,
        )


class Plans:
    """The enabled keys of a stage, by value, each with its plan. Exact, where AWS calls its own best effort."""

    def __init__(self, keys: Mapping[str, Plan], clock: Callable[[], float] = time.monotonic) -> None:
        self._keys, self._clock = keys, clock
        self._tokens: dict[str, tuple[float, float]] = {}  # what is left of the burst, and when
        self._used: dict[str, tuple[int, float]] = {}  # of the quota, and when it began
        self._lock = threading.Lock()

    def refusal(self, presented: object) -> str:
        """The gateway response that a request with this key is answered with; empty where it passes."""
        plan = self._keys.get(presented) if isinstance(presented, str) else None
        if plan is None or not isinstance(presented, str):
            return "INVALID_API_KEY"
        with self._lock:
            if plan.rate is not None and not self._takes_token(presented, plan.rate, plan.burst):
                return "THROTTLED"
            if plan.quota is not None and not self._takes_quota(presented, plan.quota, plan.quota_seconds):
                return "QUOTA_EXCEEDED"
        return ""

    def _takes_token(self, key: str, rate: float, burst: int) -> bool:
        now = self._clock()
        left, at = self._tokens.get(key, (float(burst), now))
        left = min(float(burst), left + (now - at) * rate)
        is_taken = left >= 1
        self._tokens[key] = (left - is_taken, now)
        return is_taken

    def _takes_quota(self, key: str, quota: int, seconds: int) -> bool:
        now = self._clock()
        used, began = self._used.get(key, (0, now))
        if now >= began + seconds:
            used, began = 0, now
        self._used[key] = (used + (used < quota), began)
        return used < quota
