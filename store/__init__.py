"""The edge to AWS data: the DynamoDB table and the master secret.

The only place that talks to AWS. `lean` serves the authorizer, `boto` everything else; both
speak low-level DynamoDB JSON through one interface, `client.Client`.
"""
