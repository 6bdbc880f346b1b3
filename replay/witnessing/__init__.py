"""Witnessing: others who saw the seal of a log, and say so by a key or a clock of their own.

cosignature          C2SP tlog-cosignature: a witness's key, and what it signs
witness_policy       which witnesses are believed, and how many are enough (C2SP tlog-policy)
witness_messages     what a log asks of a witness (C2SP tlog-witness)
witness_client       asking one over HTTP, whatever it answers
gathering            asking all of them about what was sealed, and keeping what holds
cosigned_report      which witness cosigned what, and what one knows that lies here no more
witness_state        a witness of our own: what it saw last, and whether it cosigns
witness_server       that over HTTP; witness_cli its verb
time_stamps          RFC 3161: asking an authority, and checking what it said
stamp_folder         where stamps lie with a seal, and what one is over
stamping             having a seal stamped, and holding stamps against checkpoints
"""
