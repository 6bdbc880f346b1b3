"""What a tenant wants done with personal data beyond what the detector finds."""
