"""What every step needs: errors and warnings, files written whole, the folders of a run and of a saved network."""
