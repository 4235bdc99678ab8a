"""Bladestream: compresses photographs from wind turbine inspections, blade first."""

__version__ = "0.1.0"
