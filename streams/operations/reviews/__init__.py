"""Reviews: which answers people look at again, what they said of them, and how far they agree."""
