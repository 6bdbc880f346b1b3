"""Lineage: what was made of which documents, told to others as OpenLineage events.

lineage_events   the shapes of OpenLineage's events and facets, without a client of theirs
lineage_walk     reading a log that grows, in the order of its times
lineage_runs     requests of the log, folded into runs, and which events these are
run_shelf        what is known of one request; those that are waited for, on the disk
lineage_delivery handing a pass's events over, printed or sent, batch by batch
lineage_sender   sending events to whoever collects them
lineage_cli      `playhead replay lineage`, once or for as long as wanted
"""
