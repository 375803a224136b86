"""Importing a shop's past from CSV files: read, mapped by the columns' names, told through the intake as history."""
