import type { Engine, Generated } from './engine.ts'

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
  readonly times: ReadonlyMap<Engine, readonly Generated[]>
  readonly agreements: ReadonlyMap<Engine, Agreement>
  readonly prompt: number
  readonly count: number
  /** Load of the machine before the rounds. */
  readonly load: number
}

/** A table: tokens a second, and how many times those of each peer the first engine makes. */
export function printCase(title: string, { times, agreements, prompt, count, load }: Case): void {
  const rates = [...times].map(([engine, runs]) => ({
    engine,
    prefill: statistics(runs.map((run) => prompt / run.prefill)),
    decode: statistics(runs.map((run) => count / run.decode)),
  }))
  const [ours] = rates
  if (!ours) return
  console.log(
    `\n${title}, tokens/s: median (least to most) of ${times.get(ours.engine)!.length} rounds; load ${load.toFixed(1)}`,
  )
  console.log(
    row('', `prefill ${prompt}`, 'ours/it', `decode ${count}`, 'ours/it', 'same greedy tokens as ours'),
  )
  for (const { engine, prefill, decode } of rates) {
    const ratio = (a: Statistics, b: Statistics): string =>
      engine === ours.engine ? '' : (a.median / b.median).toFixed(2)
    console.log(
      row(
        engine.name,
        show(prefill),
        ratio(ours.prefill, prefill),
        show(decode),
        ratio(ours.decode, decode),
        agreements.get(engine)?.text ?? '',
      ),
    )
  }
}

interface Statistics {
  readonly least: number
  readonly median: number
  readonly most: number
}

function statistics(values: readonly number[]): Statistics {
  const sorted = values.toSorted((a, b) => a - b)
  return { least: sorted[0], median: sorted[sorted.length >> 1], most: sorted.at(-1)! }
}

const show = ({ least, median, most }: Statistics): string =>
  `${median.toFixed(0)} (${least.toFixed(0)}–${most.toFixed(0)})`

const row = (...cells: readonly string[]): string =>
  cells
    .map((cell, i) => cell.padEnd([24, 19, 9, 19, 9, 0][i]))
    .join('')
    .trimEnd()
