"""GraphQL: the same reads, questions and documents as over HTTP, asked for field by field."""
