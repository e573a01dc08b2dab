import { Option, type Command } from 'commander'
import { inspectState, type InspectedState } from '../../language/saved/inspect-state.ts'
import { openCheckpoint, type Checkpoint } from '../../models/files/open.ts'
import { describeConfig } from '../../models/describe.ts'
import { stateSize, TENSOR_KINDS, tensorEntries, type TensorEntry } from '../../models/files/inspect.ts'
import { showShape } from '../../tensor/shape.ts'
import { fileFlag, MODEL_ARGUMENT, sourceOptions, type SourceFlags } from '../model-flags.ts'
import { bytes, short } from '../terminal/show.ts'
import { print, stdoutColors as colors } from '../terminal/terminal.ts'

interface Flags extends SourceFlags {
  readonly tensors?: boolean
  readonly json?: boolean
}

export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description(
      'what is in a model or a saved state: tensors, bytes by kind, configuration, size of the state',
    )
    .argument('<model>', `${MODEL_ARGUMENT}; or a saved state`)
    .addOption(fileFlag())
    .addOption(new Option('--tensors', 'list every tensor'))
    .addOption(new Option('--json', 'print JSON'))
    .action(inspect)
}

async function inspect(source: string, { tensors = false, json = false, file }: Flags): Promise<void> {
  const state = await inspectState(source)
  if (state) {
    print(json ? [JSON.stringify(state)] : stateLines(state))
    return
  }
  const checkpoint = await openCheckpoint(source, sourceOptions({ file }))
  const entries = tensorEntries(checkpoint)
  if (json) {
    const { config } = checkpoint
    print([JSON.stringify({ config, state: stateSize(config), tensors: entries })])
    return
  }
  print([...modelLines(source, checkpoint, entries), ...(tensors ? ['', ...tensorLines(entries)] : [])])
}

function modelLines(source: string, { config }: Checkpoint, entries: readonly TensorEntry[]): string[] {
  const { fixed, eachToken } = stateSize(config)
  const numbers = sum(entries, 'numbers')
  const all = sum(entries, 'bytes')
  const grows = eachToken > 0 ? ` + ${bytes(eachToken)} a token` : ', whatever the length'
  return [
    `${colors.bold(source)}  ${describeConfig(config)}`,
    `${short(numbers)} parameters in ${entries.length} tensors, ${bytes(all)}`,
    `state of a session: ${bytes(fixed)}${grows}`,
    '',
    row('kind', 'tensors', 'numbers', 'bytes', 'dtypes'),
    ...TENSOR_KINDS.flatMap((kind) => {
      const some = entries.filter((entry) => entry.kind === kind)
      if (some.length === 0) return []
      const dtypes = [...new Set(some.map(({ dtype }) => dtype))].join(' ')
      return [row(kind, String(some.length), short(sum(some, 'numbers')), bytes(sum(some, 'bytes')), dtypes)]
    }),
  ]
}

function tensorLines(entries: readonly TensorEntry[]): string[] {
  const width = widest(entries)
  return entries.map(
    ({ name, dtype, shape, bytes: size }) =>
      `${name.padEnd(width)}  ${dtype.padEnd(6)} ${showShape(shape).padEnd(16)} ${bytes(size).padStart(11)}`,
  )
}

function stateLines({ metadata, tensors }: InspectedState): string[] {
  const width = widest(tensors)
  return [
    colors.bold('saved state'),
    ...Object.entries(metadata)
      .filter(([key]) => key !== 'format')
      .map(([key, value]) => `${key}: ${value}`),
    '',
    ...tensors.map(
      ({ name, shape, bytes: size }) =>
        `${name.padEnd(width)}  ${showShape(shape).padEnd(16)} ${bytes(size).padStart(11)}`,
    ),
  ]
}

const widest = (named: readonly { readonly name: string }[]): number =>
  named.reduce((most, { name }) => Math.max(most, name.length), 1)

const row = (...cells: readonly string[]): string =>
  cells
    .map((cell, i) => (i === 0 || i === cells.length - 1 ? cell.padEnd(14) : cell.padStart(10).padEnd(12)))
    .join('')
    .trimEnd()

const sum = (entries: readonly TensorEntry[], key: 'numbers' | 'bytes'): number =>
  entries.reduce((total, entry) => total + entry[key], 0)
