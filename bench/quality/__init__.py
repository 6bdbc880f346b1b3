"""Quality: what answers are worth to who asks, by questions as people ask them."""
