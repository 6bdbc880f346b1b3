"""How the steps run live: topics, lanes, codec, effects, the runner, the Faust app, the command line."""
