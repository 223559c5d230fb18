"""Figures of trainings, sea states and comparisons, and the style of all figures."""
