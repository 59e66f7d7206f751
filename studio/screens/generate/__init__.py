"""Generate: ordering, trying, steering and watching a generation job."""
