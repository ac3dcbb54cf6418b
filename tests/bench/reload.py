"""Graceful restarts under load: answers, effects, and sizes of processes before and after."""
import time

from harness import process
from harness.reloads import Reloads
from kit import say

CALLERS = 12
WARM_UP = 5  # restarts after which sizes are compared: the first ones fill caches
SIZES_EVERY = 25


def run(stack, options):
    """Lines of the report."""
    lines = []
    begin = time.monotonic()
    with Reloads(stack, CALLERS) as reloads:
        for number in range(1, options.restarts + 1):
            reloads.graceful()
            if number in (min(WARM_UP, options.restarts), options.restarts) or number % SIZES_EVERY == 0:
                lines.append(f"after {number} restarts: {reloads.sizes()}")
                say(lines[-1])
    wrong = reloads.violations()
    took = time.monotonic() - begin
    counts = ", ".join(f"{times} {what}" for what, times in sorted(reloads.counts.items()))
    lines.append(f"{options.restarts} graceful restarts in {took:.0f} s under {CALLERS} callers: {counts}; slowest answer {reloads.slowest:.2f} s")
    lines.append(f"answers lost after their first byte, other answers than 201, keys without exactly one effect: {len(wrong)}")
    for line in lines[-2:]:
        say(line)
    if wrong:
        raise process.Failed("\n".join(wrong[:20]))
    return lines
