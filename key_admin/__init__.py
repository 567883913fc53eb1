"""Function two: answers operators. Creates and manages keys and policies over HTTP."""
