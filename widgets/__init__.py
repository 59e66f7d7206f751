"""What screens are built of: widgets that take models and post messages, and know no job and no store."""
