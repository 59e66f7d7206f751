"""Generate: recipes are planned into units, a teacher answers each, and what passes becomes pending examples."""
