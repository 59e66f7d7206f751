"""Language models: found, loaded, asked."""
