"""What looks at several networks or many records (python -m studies.NAME)."""
