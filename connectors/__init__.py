"""Where the outside is: every other service or store, Kafka apart. Connectors know no step."""
