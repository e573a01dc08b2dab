/**
 * The run loop. Every thread walks a list of launches in shared memory; after each launch they meet at a
 * barrier. No JavaScript runs between two launches.
 *
 * A launch is [words to the next launch, kernel, items, arguments...] in 32-bit words. Thread t of T takes
 * the items from floor(items t / T) to floor(items (t + 1) / T).
 *
 * All state lies in the sync area, which begins zeroed. Its words stand apart by a cache line:
 */
import { dispatch } from '../generated/dispatch.as.ts'

export * from '../generated/dispatch.as.ts'

/** Counts of all arrivals at barriers and of all lists begun. They wrap, and are compared by difference. */
const ARRIVED: usize = 0
const LISTS: usize = 128
/** At this distance from a counter stands how many threads sleep until it changes. */
const SLEEPERS: usize = 64
/** The list, how many launches it has (negative: leave for good), and ARRIVED when it began. */
const LIST: usize = 256
const LAUNCHES: usize = 260
const BASE: usize = 264
/** 1 + the number of a thread that trapped: `thread.ts` sets it. */
const FAILED: usize = 320
/** The number of the launch that each thread is at, a cache line for each thread. */
const PROGRESS: usize = 512

/** A thread spins so many times before it sleeps: some 30 microseconds. */
const SPINS: i32 = 20_000
/**
 * A thread spins so many times at a barrier: some 300 microseconds. A virtual machine may take 100
 * microseconds to wake a thread; if its partner sleeps meanwhile, they go on waking each other. With 300
 * microseconds, one token of a 130M model takes 5.0 ms; with 30 it took 6.8. Where there are more threads
 * than cores, long spins are in vain: after one of them ended in sleep, the next SHORT_WAITS waits are short.
 */
const LONG_SPINS: i32 = 200_000
const SHORT_WAITS: i32 = 24
/** At this distance from a thread's progress stands how many of its waits are still to be short. */
const HURRIED: usize = 8

const FOREVER: i64 = -1

/** Thread 0: starts a list, takes its share, and returns when all are done; false if a thread failed. */
export function lead(sync: usize, list: usize, launches: i32, threads: i32): bool {
  const base = atomic.load<i32>(sync + ARRIVED)
  store<usize>(sync + LIST, list)
  store<i32>(sync + LAUNCHES, launches)
  store<i32>(sync + BASE, base)
  if (threads > 1) {
    atomic.add<i32>(sync + LISTS, 1)
    if (atomic.load<i32>(sync + LISTS + SLEEPERS) != 0) atomic.notify(sync + LISTS, -1)
  }
  return walk(sync, list, launches, base, 0, threads)
}

/** The other threads: take their share of every list, until told to leave or a thread failed. */
export function follow(sync: usize, thread: i32, threads: i32): void {
  for (let list = 1; ; list++) {
    reach(sync + LISTS, list, SPINS)
    const launches = load<i32>(sync + LAUNCHES)
    if (launches < 0) return
    if (!walk(sync, load<usize>(sync + LIST), launches, load<i32>(sync + BASE), thread, threads)) return
  }
}

function walk(sync: usize, list: usize, launches: i32, base: i32, thread: i32, threads: i32): bool {
  const progress = sync + PROGRESS + ((<usize>thread) << 6)
  for (let i = 0; i < launches; i++) {
    store<i32>(progress, i)
    const items = <i64>load<i32>(list, 8)
    const begin = <i32>((items * thread) / threads)
    const end = <i32>((items * (thread + 1)) / threads)
    if (begin < end) dispatch(load<i32>(list, 4), list + 12, begin, end, thread)
    list += (<usize>load<i32>(list)) << 2
    if (threads > 1) {
      base += threads
      meet(sync, base, progress + HURRIED)
      if (load<i32>(sync + FAILED) != 0) return false
    }
  }
  return true
}

/** Counts this thread in, and waits until ARRIVED is `target`. */
function meet(sync: usize, target: i32, hurried: usize): void {
  if (atomic.add<i32>(sync + ARRIVED, 1) + 1 != target) {
    const short = load<i32>(hurried)
    const awake = reach(sync + ARRIVED, target, short > 0 ? SPINS : LONG_SPINS)
    if (short > 0) store<i32>(hurried, short - 1)
    else if (!awake) store<i32>(hurried, SHORT_WAITS)
    return
  }
  // Whoever counts itself among the sleepers after this load sees the new ARRIVED before it sleeps.
  if (atomic.load<i32>(sync + ARRIVED + SLEEPERS) != 0) atomic.notify(sync + ARRIVED, -1)
}

/** Waits until a counter is `target`: spins, then sleeps; false if it slept. */
function reach(counter: usize, target: i32, spins: i32): bool {
  for (let spin = 0; spin < spins; spin++) {
    if (atomic.load<i32>(counter) - target >= 0) return true
  }
  atomic.add<i32>(counter + SLEEPERS, 1)
  while (atomic.load<i32>(counter) - target < 0) nap(counter, target)
  atomic.sub<i32>(counter + SLEEPERS, 1)
  return false
}

/**
 * Sleeps until a counter may have changed. It is exported and has a loop, so that it stays a function of its
 * own: in Node 20, the baseline compiler of V8 loses the values of local variables over a wait, and a call
 * keeps those of the caller.
 */
export function nap(counter: usize, target: i32): void {
  for (let spin = 0; spin < 100; spin++) {
    if (atomic.load<i32>(counter) - target >= 0) return
  }
  const value = atomic.load<i32>(counter)
  if (value - target < 0) atomic.wait<i32>(counter, value, FOREVER)
}
