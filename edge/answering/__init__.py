"""From the records of one request to the frames that its reader sees."""
