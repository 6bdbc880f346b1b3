"""The demonstration: two tenants, real conversations, one timeline, one verified log."""
