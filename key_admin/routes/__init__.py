"""One module for each resource of the admin API."""
