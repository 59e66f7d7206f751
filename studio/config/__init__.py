"""What people write by hand, TOML and JSONL, read into frozen models."""
