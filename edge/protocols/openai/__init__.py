"""OpenAI's interface: its requests read, and answers, chunks and errors in its spelling."""
