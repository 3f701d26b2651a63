"""The model `inlet-temperature`: each rack's top and bottom inlet temperature in 15 minutes."""
