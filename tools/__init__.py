"""What measures and attacks ptrack: not part of the product."""
