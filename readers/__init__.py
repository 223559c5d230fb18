"""Reads files: the simulators' text tables, the cache of parsed records, tables larger than memory."""
