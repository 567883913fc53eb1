"""What key_admin asks of the table: changes in transactions, lists, the audit log. No part of the authorizer."""
