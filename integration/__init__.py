"""What integrations may copy; nothing of Tollgate imports it."""
