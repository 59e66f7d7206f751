"""The local store: documents as frozen models in TinyDB, kept by an fsync'd journal."""
