"""How the steps run live: topics, lanes, codec, effects, runner, Faust app, command line."""
