"""How the suite stays right on a slow machine.

Scenarios bound time: an event must arrive within 2 s, a daemon must drain within 5 s.
The bounds are written for a calm machine with a core to spare. Three measures keep
them fair elsewhere:

1. Calibration. Before a group of cases the suite measures itself for 60 ms: how late
   its timers fire, how fast it passes a byte, how much it competes for a processor.
   The worst ratio to a calm machine stretches every bound of the group.
2. Loop lag. While scenarios run, a timer on the same event loop shows when the loop
   stood still. The kernel shows how long the daemon waited for a processor. A failure
   that one of the two could explain is inconclusive, and never a pass.
3. A second try. An inconclusive scenario is played again after all others, alone. If
   the machine is late again, the verdict is `error`: the suite could not judge.

Waiting is also fair in the other direction. Scenarios share an instance and wait at
the same time, so limits (`running/limits.py`) bound how many begin at once, and a
`quiet` scenario measures while no other scenario of the user runs.
"""
