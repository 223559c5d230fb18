"""Fits a network to the records of SimpleCode and LAMP."""

from training.fit import train

__all__ = ["train"]
