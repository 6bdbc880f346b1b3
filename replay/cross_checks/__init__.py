"""What two records say of the same thing is compared: an effect repeats what others wrote.

A response that the log holds is believed by the step that is run again on it. Where it tells what
another record of the log tells too, it is held against that record.
"""
