"""The journal: numbered segments of checksummed lines; old ones are folded, the last one grows."""
