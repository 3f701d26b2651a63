"""Commands that take an inventory over from elsewhere, and give a site away."""
