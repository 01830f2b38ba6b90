"""Figures and result tables. No other part of the package draws."""
