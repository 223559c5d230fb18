"""What a run writes for people: predictions as text, and the figures that PlottingArgs asks for."""
