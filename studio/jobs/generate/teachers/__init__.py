"""Teachers: who writes examples for a unit."""
