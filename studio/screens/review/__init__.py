"""Review: decisions by keyboard, from the list up to the teacher's help, one class on the other."""
