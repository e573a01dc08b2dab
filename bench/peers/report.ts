import type { Engine, Generated, Trained } from './engine.ts'
import type { Rounds } from './rounds.ts'

/** Logits nearer than this, over the largest, change places by rounding. */
const MARGIN = 1e-4

export interface Agreement {
  readonly agrees: boolean
  readonly text: string
}

/** Greedy tokens of each engine beside those of the first, which must be Sidewinder. */
export async function compareTokens(
  runs: ReadonlyMap<Engine, Generated>,
  prompt: readonly number[],
): Promise<Map<Engine, Agreement>> {
  const [[ours, { tokens }], ...others] = [...runs] as [[Engine, Generated], ...[Engine, Generated][]]
  const agreements = new Map<Engine, Agreement>()
  for (const [engine, theirs] of others) {
    const at = tokens.findIndex((token, i) => token !== theirs.tokens[i])
    if (at < 0) {
      agreements.set(engine, { agrees: true, text: `all ${tokens.length} tokens` })
      continue
    }
    const pair = [tokens[at], theirs.tokens[at] ?? tokens[at]] as const
    const margin = await ours.margin([...prompt, ...tokens.slice(0, at)], pair)
    const tie = theirs.tokens.length === tokens.length && margin < MARGIN
    agreements.set(engine, {
      agrees: tie,
      text: `first ${at} tokens, then logits ${margin.toExponential(0)} apart${tie ? ' (a tie)' : ''}`,
    })
  }
  return agreements
}

interface Case {
  readonly rounds: Rounds<Generated>
  readonly agreements: ReadonlyMap<Engine, Agreement>
  readonly prompt: number
  readonly count: number
}

/**
 * A table for each Sidewinder: tokens a second, and how many times those of each peer it makes, round by
 * round.
 */
export function printCase(title: string, { rounds, agreements, prompt, count }: Case): void {
  for (const { ours, beside } of tables(title, 'tokens/s', rounds)) {
    console.log(row('', `prefill ${prompt}`, 'ours/it', `decode ${count}`, 'ours/it', 'greedy tokens'))
    for (const [engine, runs] of beside) {
      const cells = (['prefill', 'decode'] as const).flatMap((part) => [
        show(runs.map((run) => (part === 'prefill' ? prompt : count) / run[part])),
        runs === ours ? '' : show(ratios(ours, runs, part), 2),
      ])
      console.log(row(engine.name, ...cells, agreements.get(engine)?.text ?? ''))
    }
  }
}

interface TrainingCase {
  readonly rounds: Rounds<Trained>
  /** Tokens of a round. */
  readonly tokens: number
  /** How far the first losses of each engine are from ours. */
  readonly losses: ReadonlyMap<Engine, string>
}

export function printTraining(title: string, { rounds, tokens, losses }: TrainingCase): void {
  for (const { ours, beside } of tables(title, 'tokens/s', rounds)) {
    console.log(row('', 'training', 'ours/it', 'first losses'))
    for (const [engine, runs] of beside) {
      const rates = show(runs.map((run) => tokens / run.seconds))
      const ratio = runs === ours ? '' : show(ratios(ours, runs, 'seconds'), 2)
      console.log(row(engine.name, rates, ratio, losses.get(engine) ?? ''))
    }
  }
}

interface OperationCase {
  readonly rounds: Rounds<{ readonly seconds: number }>
  /** What one run costs, in floating-point operations or bytes. */
  readonly cost: number
  readonly unit: string
  /** How far the result of each engine is from ours. */
  readonly apart: ReadonlyMap<Engine, string>
}

export function printOperation(title: string, { rounds, cost, unit, apart }: OperationCase): void {
  for (const { ours, beside } of tables(title, unit, rounds)) {
    console.log(row('', unit, 'ours/it', 'ms', 'apart'))
    for (const [engine, runs] of beside) {
      const seconds = runs.map((run) => run.seconds)
      const rates = show(
        seconds.map((each) => cost / each / 1e9),
        1,
      )
      const ratio = runs === ours ? '' : show(ratios(ours, runs, 'seconds'), 2)
      const times = show(
        seconds.map((each) => each * 1000),
        1,
      )
      console.log(row(engine.name, rates, ratio, times, apart.get(engine) ?? ''))
    }
  }
}

const isOurs = ({ name }: Engine): boolean => name.startsWith('sidewinder')

interface Table<T> {
  readonly ours: readonly T[]
  /** Ours first, without other Sidewinders. */
  readonly beside: readonly (readonly [Engine, readonly T[]])[]
}

function* tables<T>(title: string, unit: string, { times, load }: Rounds<T>): Generator<Table<T>> {
  for (const [engine, ours] of times) {
    if (!isOurs(engine)) continue
    console.log(
      `\n${title}, ${unit}: median (least to most) of ${ours.length} rounds; load ${load.toFixed(1)}`,
    )
    yield { ours, beside: [...times].filter(([each]) => each === engine || !isOurs(each)) }
  }
}

const ratios = <K extends string>(
  ours: readonly Readonly<Record<K, number>>[],
  theirs: readonly Readonly<Record<K, number>>[],
  key: K,
): number[] => theirs.map((each, round) => each[key] / ours[round][key])

function show(values: readonly number[], digits = 0): string {
  const sorted = values.toSorted((a, b) => a - b)
  const [median, least, most] = [sorted[sorted.length >> 1], sorted[0], sorted.at(-1)!].map((each) =>
    each.toFixed(digits),
  )
  return `${median} (${least}–${most})`
}

const row = (...cells: readonly string[]): string =>
  cells
    .map((cell, i) => cell.padEnd([24, 21, 21, 21, 21, 0][i]))
    .join('')
    .trimEnd()
