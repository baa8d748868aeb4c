#!/usr/bin/env python3
"""Simulates masking a cohort on a cluster: how orders and shares of the slides affect the time, with failures.

Slides have log-normal areas (median 80,000 x 60,000 pixels, sigma 0.6) and tissue on a Beta-distributed share (mean 30 %).
A place computes RATE windows per second, one for each 128 x 128 pixels of tissue. Places fail (on average every 30 days)
and are preempted (every 4 hours); they are back after two minutes, and the task is requeued in its place of the order. With
a cache, a task goes on after its last block, a twelfth of a slide; without, at the slide that was lost. Plans are wrong by a
factor of e^(+-0.25), and each start of a task takes 5 seconds.

The ideal is all work, spread evenly over all places. Also printed: requests to open the slide on the shared disk. OpenSlide
3.4 opens a file for every read, OPENS times per decoded tile of 256 x 256 pixels; a copy on the local disk (--stage) needs
STAGED.

Usage: tools/simulate-cohort.py [--slides 1000 100000] [--places 50 500] [--rate 2000] [--repeats 4]
"""

import argparse
import heapq
import math
import random
import statistics

DAY = 86400.0
FAILURE, PREEMPTION, BACK, START, BLOCKS = 30 * DAY, DAY / 6, 120.0, 5.0, 12


def cohort(random_, count, rate):
    """Seconds of slides in the order of their names, the estimates of a plan, and pixels with tissue."""
    tissue = [
        80e3 * 60e3 * math.exp(random_.gauss(0, 0.6)) * random_.betavariate(3, 7) for _ in range(count)
    ]
    seconds = [pixels / 128**2 / rate for pixels in tissue]
    return seconds, [value * math.exp(random_.gauss(0, 0.25)) for value in seconds], tissue


def simulate(random_, tasks, places, fails, cache=True):
    """Seconds until all tasks are done, and seconds that places worked. A task is a list of seconds of slides."""
    free = [(0.0, place) for place in range(places)]
    # When a place is interrupted next.
    gap = 1 / (1 / FAILURE + 1 / PREEMPTION)
    next_stop = [random_.expovariate(1 / gap) if fails else math.inf for _ in range(places)]
    waiting, requeued = list(range(len(tasks) - 1, -1, -1)), []
    left = [list(reversed(task)) for task in tasks]
    finished, worked, end = 0, 0.0, 0.0
    while finished < len(tasks):
        time, place = heapq.heappop(free)
        while next_stop[place] <= time:
            next_stop[place] += BACK + random_.expovariate(1 / gap)
        if requeued and requeued[0][0] <= time:
            task = heapq.heappop(requeued)[1]
        elif waiting:
            task = waiting.pop()
        elif requeued:
            heapq.heappush(free, (requeued[0][0], place))
            continue
        else:
            continue
        begin, stop, slides = time, next_stop[place], left[task]
        time += START
        while slides and time + slides[-1] <= stop:
            time += slides.pop()
        if slides and time <= stop:
            # Interrupted: finished blocks are kept.
            if cache:
                block = max(slides[-1] / BLOCKS, 1e-9)
                slides[-1] -= block * math.floor((stop - time) / block)
        if slides:
            worked += stop - begin
            heapq.heappush(requeued, (stop + BACK, task))
            heapq.heappush(free, (stop + BACK, place))
            next_stop[place] = stop + BACK + random_.expovariate(1 / gap)
        else:
            worked += time - begin
            finished, end = finished + 1, max(end, time)
            heapq.heappush(free, (time, place))
    return end, worked


def shards(order, count):
    """Every count-th slide of an order, from each of the first ones on."""
    return [order[first::count] for first in range(min(count, len(order)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slides", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--places", type=int, nargs="+", default=[50, 500])
    parser.add_argument("--rate", type=float, default=2000, help="windows per second of a place of two cores")
    parser.add_argument("--opens", type=float, default=3.0, help="requests to open a file per decoded tile")
    parser.add_argument("--staged", type=float, default=6, help="requests to open a file that is copied first")
    parser.add_argument("--repeats", type=int, default=4)
    arguments = parser.parse_args()
    for count, places in zip(arguments.slides, arguments.places, strict=True):
        results, work, opens = {}, [], []
        for seed in range(arguments.repeats):
            random_ = random.Random(seed)
            seconds, planned, tissue = cohort(random_, count, arguments.rate)
            work.append(sum(seconds))
            # Windows are read with a margin; tiles at the edge of the tissue are read for a part.
            opens.append(statistics.fmean(tissue) / 256**2 * arguments.opens)
            longest = [seconds[i] for i in sorted(range(count), key=lambda i: -planned[i])]
            plans = {
                "one slide per task, by name": ([[value] for value in seconds], True),
                "one slide per task, longest first": ([[value] for value in longest], True),
                "one slide per task, longest first, no cache": ([[value] for value in longest], False),
                "one shard per place, by name": (shards(seconds, places), True),
                "one shard per place, longest first": (shards(longest, places), True),
                "1,000 shards, longest first": (shards(longest, 1000), True),
            }
            if count <= 1000:
                del plans["1,000 shards, longest first"]
            ideal = work[-1] / places
            for name, (tasks, cache) in plans.items():
                quiet, _ = simulate(random.Random(seed), tasks, places, False)
                failing, worked = simulate(random.Random(seed), tasks, places, True, cache)
                results.setdefault(name, []).append((quiet / ideal - 1, failing / ideal - 1, worked / work[-1] - 1))
        mean = statistics.fmean(work)
        print(f"{count:,} slides on {places} places: {2 * mean / 3600:,.0f} core-hours, ideal {mean / places / 60:,.0f} min")
        print(f"{'':46}{'quiet':>8}{'failures':>10}{'more work':>11}")
        for name, values in results.items():
            cells = [statistics.fmean(value[i] for value in values) * 100 for i in range(3)]
            print(f"{name:46}{cells[0]:6.0f} %{cells[1]:8.0f} %{cells[2]:9.1f} %")
        place = mean / count
        print(
            f"opens per slide: {statistics.fmean(opens):,.0f} in place ({statistics.fmean(opens) / place:,.0f}/s per task), "
            f"{arguments.staged:.0f} with --stage\n"
        )


if __name__ == "__main__":
    main()
