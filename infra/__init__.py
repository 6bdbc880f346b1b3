"""What Playhead runs on: the broker, the models, the local stack, and how to deploy them."""
