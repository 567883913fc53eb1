"""Read a template as API Gateway would, and tell the mistakes that bite. Reads files only."""
