"""What an operator says of an identity of an outside provider."""

from key_admin.models.fields import Strict


class IdentityFields(Strict):
    """The body of PATCH /identities/{key_hash}."""

    enabled: bool
