"""What every step needs: errors and warnings, files written whole, progress, the folder of a saved network."""
