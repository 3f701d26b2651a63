"""How large an installation must be: pure arithmetic on measured figures. `figures` holds them, `estimate` computes."""
