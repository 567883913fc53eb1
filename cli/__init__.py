"""`tollgate`: the admin API from a terminal, and keys as code."""
