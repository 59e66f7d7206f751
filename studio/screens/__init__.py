"""The seven screens, a folder each with its styles beside it, the dialogs, and what all of them share."""
