"""From the records of one request to what its reader is sent: frames, passages, a timeline."""
