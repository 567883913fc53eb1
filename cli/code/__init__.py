"""Keys as code: a folder of YAML, the plan that leads there, and what makes it so."""
