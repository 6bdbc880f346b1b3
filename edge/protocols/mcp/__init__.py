"""The Model Context Protocol: search, ask and documents for programs that models use."""
