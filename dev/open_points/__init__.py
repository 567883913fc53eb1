"""Questions that only API Gateway itself can answer, asked of a small stack of their own."""
