"""The gateway without its protocols: it takes requests in, once each, and follows them."""
