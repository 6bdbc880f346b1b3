"""What reviewers see: their queue, read from the log, and answers as they may see them."""
