"""What the log tells the edge: read live and back, remembered, handed to whoever waits."""
