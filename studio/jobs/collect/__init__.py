"""Collect: the person's own files become source documents, each with its file and lines."""
