"""Figures of trainings, sea states and comparisons, and the looks that all figures share."""
