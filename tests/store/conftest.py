"""What the tests of the edge share."""

import pytest

from dev.authority import make_authority
from store.trust import context_of


@pytest.fixture
def authority(tmp_path):
    """An authority of this test; whom this process believes is read anew."""
    context_of.cache_clear()
    yield make_authority(tmp_path)
    context_of.cache_clear()
