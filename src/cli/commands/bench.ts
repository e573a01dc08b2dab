import { Option, type Command } from 'commander'
import { explainChoices } from '../../devices/choices.ts'
import type { AnyDevice } from '../../devices/device.ts'
import { ConfigError } from '../../errors.ts'
import type { LanguageModel } from '../../language/language-model.ts'
import { stateSize } from '../../models/files/inspect.ts'
import { whole } from '../../check.ts'
import { numberFlag, withDevice } from '../flags.ts'
import { addModelFlags, MODEL_ARGUMENT, withModel, type ModelFlags } from '../model-flags.ts'
import { bytes, short } from '../terminal/show.ts'
import { print, stdoutColors as colors } from '../terminal/terminal.ts'

interface Flags extends ModelFlags {
  readonly prompt: number
  readonly tokens: number
  readonly rounds: number
  readonly explain?: boolean
  readonly json?: boolean
}

export function addBench(program: Command): void {
  const command = program
    .command('bench')
    .description('how fast a model reads and writes here, and what memory it takes')
    .argument('[model]', `${MODEL_ARGUMENT}; may be left out with --explain`)
    .addOption(numberFlag('--prompt <n>', 'tokens to read', whole(1, 2 ** 20)).default(512))
    .addOption(numberFlag('--tokens <n>', 'tokens to write after them', whole(1, 2 ** 20)).default(64))
    .addOption(numberFlag('--rounds <n>', 'how often; medians are printed', whole(1, 1000)).default(5))
    .addOption(new Option('--explain', 'print how kernels are cut on this device'))
    .addOption(new Option('--json', 'print JSON'))
  addModelFlags(command).action(bench)
}

async function bench(source: string | undefined, flags: Flags): Promise<void> {
  if (source !== undefined) return withModel(source, flags, (model) => benchModel(source, model, flags))
  if (!flags.explain) {
    throw new ConfigError('no model is named', { where: 'bench', hint: 'bench MODEL, or bench --explain' })
  }
  await withDevice(flags, (device) => {
    const { description, choices } = device
    print(flags.json ? [JSON.stringify({ device: description, choices })] : explained(device))
    return Promise.resolve()
  })
}

async function benchModel(source: string, model: LanguageModel, flags: Flags): Promise<void> {
  const { device, config } = model
  const loaded = device.heap.usedBytes
  const prompt = Array.from({ length: flags.prompt }, (_, i) => (i * 7919) % model.vocabulary)
  await run(model, prompt, 1)
  device.arena.resetPeak()
  const rounds = []
  for (let i = 0; i < flags.rounds; i++) rounds.push(await run(model, prompt, flags.tokens))
  const memory = { loaded, state: stateSize(config).fixed, working: device.arena.peakBytes }
  const read = spread(rounds.map(({ read }) => read))
  const write = spread(rounds.map(({ write }) => write / flags.tokens))
  if (flags.json) {
    const { description, choices } = device
    print([JSON.stringify({ device: description, choices, prompt: flags.prompt, read, write, memory })])
    return
  }
  print([
    `${colors.bold(source)} on ${device.description}`,
    '',
    row(`prompt of ${short(flags.prompt)}`, read, flags.prompt),
    row('one token', write, 1),
    `memory: ${bytes(loaded)} loaded, a state of ${bytes(memory.state)}, ${bytes(memory.working)} while it works`,
    ...(flags.explain ? ['', ...explained(device)] : []),
  ])
}

/** Seconds to the first token drawn, and for `count` after it. */
async function run(
  model: LanguageModel,
  prompt: readonly number[],
  count: number,
): Promise<{ read: number; write: number }> {
  const session = model.session({ rewind: false })
  try {
    const start = performance.now()
    let first = start
    let drawn = 0
    const options = { temperature: 0, maxTokens: count + 1, stopTokens: [] }
    for await (const _ of session.generateTokens(prompt, options)) {
      if (drawn++ === 0) first = performance.now()
    }
    return { read: (first - start) / 1000, write: (performance.now() - first) / 1000 }
  } finally {
    session.dispose()
  }
}

interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** Seconds. */
function spread(seconds: readonly number[]): Spread {
  const sorted = seconds.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, least: sorted[0], most: sorted.at(-1)! }
}

const ms = (seconds: number): string => (1000 * seconds).toPrecision(4)

function row(name: string, { median, least, most }: Spread, tokens: number): string {
  const rate = `${short(tokens / median)} tokens/s`
  return `${name.padEnd(16)} ${rate.padStart(16)}   ${ms(median)} ms (${ms(least)} to ${ms(most)})`
}

function explained({ description, choices }: AnyDevice): string[] {
  const rows = explainChoices(choices)
  const width = Math.max(...rows.map(({ key }) => key.length))
  return [
    `${colors.bold('choices')} for ${description}: measured for ${choices.kind}`,
    ...rows.map(({ key, value, meaning, overridden }) => {
      const note = overridden ? colors.yellow(' (overridden)') : ''
      return `  ${key.padEnd(width)}  ${String(value).padStart(5)}${note}  ${colors.dim(meaning)}`
    }),
  ]
}
