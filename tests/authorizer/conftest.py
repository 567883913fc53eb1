"""The bench on which the authorizer is tested without a gateway."""

import pytest

from tests.authorizer.bench import Bench


@pytest.fixture
def bench(services, table, monkeypatch):
    return Bench(services, table, monkeypatch)
