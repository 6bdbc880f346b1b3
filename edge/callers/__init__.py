"""Who calls, as their key says, and what they may do, know of and see."""
