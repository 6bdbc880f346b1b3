"""Lineage: what was made of which documents, told to others as OpenLineage events.

lineage_events   the shapes of OpenLineage's events and facets, without a client of theirs
lineage_runs     requests of the log, folded into runs, and which events these are
lineage_sender   handing events to whoever collects them
lineage_cli      `playhead replay lineage`, once or for as long as wanted
"""
