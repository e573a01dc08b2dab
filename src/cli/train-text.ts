import { InvalidArgumentError, Option, type Command } from 'commander'
import { openDevice } from '../ops/open-device.ts'
import type { DeviceName } from '../devices/device.ts'
import { ARCHITECTURE_NAMES, type ArchitectureName } from '../models/config.ts'
import { readRun } from '../runs/run-file.ts'
import { BATCHINGS, DEFAULT_RUN, SCHEDULES, SETTINGS, type TextRun } from '../runs/settings.ts'
import {
  resumeTextRun,
  startTextRun,
  type TextRunEvents,
  type TextRunResult,
  type TextRunStart,
} from '../runs/train-text.ts'
import { deviceFlag, numberFlag, threadsFlag } from './flags.ts'
import { INTERRUPTED, stopOnInterrupt } from './interrupt.ts'
import { ProgressLine } from './progress.ts'
import { bits, bytes, duration, quoted, short } from './show.ts'
import { stdoutColors as colors } from './terminal.ts'

type Flags = Partial<TextRun> & {
  readonly out?: string
  readonly resume?: string
  readonly device: DeviceName | 'auto'
  readonly threads?: number
}

/** Flags that go with --resume: they do not change what is computed. */
const WITH_RESUME = new Set(['resume', 'data', 'device', 'threads'])

export function addTrainText(train: Command, exit: (code: number) => void): void {
  const command = train
    .command('text')
    .description('train a byte-level language model on text, or continue a run')
    .usage('--data <path> [flags]  or  --resume <run>')
  for (const flag of flags()) command.addOption(flag)
  command.action(async (given: Flags) => {
    const result =
      given.resume === undefined ? await start(command, given) : await resume(command, given, given.resume)
    if (result.stopped === 'interrupted') exit(INTERRUPTED)
  })
}

const group = (title: string, ...options: Option[]): Option[] =>
  options.map((option) => option.helpGroup(title))

const path = (text: string): string => {
  if (text === '') throw new InvalidArgumentError('Expected a path.')
  return text
}

function flags(): Option[] {
  const { architecture, batching, schedule, recompute: _, ...numbers } = DEFAULT_RUN
  const number = (flag: string, help: string, key: keyof typeof numbers | 'state'): Option => {
    const value = key === 'state' ? undefined : numbers[key]
    return numberFlag(flag, help, SETTINGS[key]).default(value)
  }
  return [
    ...group(
      'Run:',
      new Option(
        '--data <path>',
        'a text file, or a folder of .txt and .md files, each a document',
      ).argParser(path),
      new Option('--out <folder>', 'run folder (default: runs/<data>-<n>)').argParser(path),
      new Option(
        '--resume <run>',
        'continue a run where it stopped; takes no flags that would change it',
      ).argParser(path),
      deviceFlag(),
      threadsFlag(),
      number('--seed <n>', 'same seed, same device: same bits', 'seed'),
    ),
    ...group(
      'Model:',
      new Option('--architecture <name>', 'kind of layers').choices(ARCHITECTURE_NAMES).default(architecture),
      number('--layers <n>', 'number of layers', 'layers'),
      number('--width <n>', 'width D of the residual stream', 'width'),
      number('--state <n>', 'state size N (default: 16 for mamba, 64 for mamba2, 32 for s4d)', 'state'),
    ),
    ...group(
      'Data:',
      number('--batch <n>', 'rows of a batch', 'batch'),
      number('--length <n>', 'bytes of a row: what is backpropagated through', 'length'),
      new Option('--batching <how>', 'random windows, streams with carried state, or packed documents')
        .choices(BATCHINGS)
        .default(batching),
      number('--validation-part <p>', 'part of the text held out, from its end', 'validationPart'),
    ),
    ...group(
      'Training:',
      number('--steps <n>', 'updates', 'steps'),
      number('--learning-rate <x>', 'peak of the schedule', 'learningRate'),
      new Option('--schedule <name>', 'cosine, or warmup-stable-decay').choices(SCHEDULES).default(schedule),
      number('--weight-decay <x>', 'decoupled decay of matrices', 'weightDecay'),
      number('--max-norm <x>', 'clip the gradient to this norm', 'maxNorm'),
      number('--accumulation <n>', 'batches averaged into one update', 'accumulation'),
      new Option('--recompute', 'less memory: compute layers again in backward').default(false),
      number('--evaluate-every <n>', 'steps between validations', 'evaluateEvery'),
      number('--checkpoint-every <n>', 'steps between checkpoints', 'checkpointEvery'),
      number('--patience <n>', 'stop after this many validations without improvement; 0: never', 'patience'),
    ),
  ]
}

async function start(
  command: Command,
  { out, device: name, threads, ...settings }: Flags,
): Promise<TextRunResult> {
  const { data } = settings
  if (data === undefined) {
    return command.error("error: required option '--data <path>' not given, nor '--resume <run>'")
  }
  const run = { ...DEFAULT_RUN, ...settings, data, architecture: settings.architecture as ArchitectureName }
  return train(name, threads, (options) => startTextRun(run, { folder: out, ...options }))
}

async function resume(
  command: Command,
  { data, device, threads }: Flags,
  folder: string,
): Promise<TextRunResult> {
  const changing = command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
    .filter((option) => !WITH_RESUME.has(option.attributeName()))
  if (changing.length > 0) {
    const names = changing.map(({ long }) => `'${long}'`).join(', ')
    return command.error(
      `error: --resume continues the run as it was begun and does not take ${names}\n(Start a new run with --data and --out instead)`,
    )
  }
  const run = await readRun(folder)
  return train(device === 'auto' ? run.device : device, threads, (options) =>
    resumeTextRun(folder, { data, ...options }),
  )
}

type Options = Omit<Parameters<typeof resumeTextRun>[1], 'data'>

async function train(
  name: DeviceName | 'auto',
  threads: number | undefined,
  body: (options: Options) => Promise<TextRunResult>,
): Promise<TextRunResult> {
  const device = await openDevice(name, { threads })
  const report = new Report()
  const interrupt = stopOnInterrupt(() => report.stopping())
  try {
    const result = await body({ device, events: report, signal: interrupt.signal })
    report.finish(result)
    result.model.dispose()
    return result
  } finally {
    interrupt.release()
    report.close()
    device.destroy()
  }
}

/** Says what goes on. */
class Report implements TextRunEvents {
  readonly #began = performance.now()
  #line = new ProgressLine(process.stdout, 0)

  onStart = ({ folder, model, resumedFrom, steps, trainingBytes, validationBytes }: TextRunStart): void => {
    const { width, layers } = model.config
    const kinds = [...new Set(layers.map(({ kind }) => kind))].join('+')
    const held = validationBytes > 0 ? ` + ${bytes(validationBytes)} held out` : ''
    this.#line = new ProgressLine(process.stdout, steps)
    this.#line.note(
      `${colors.bold(model.device.description)}  ${kinds} ${layers.length} × ${width}, ${short(model.size)} parameters  ` +
        `${bytes(trainingBytes)}${held}`,
    )
    this.#line.note(
      resumedFrom > 0 ? `Resuming ${folder} after step ${resumedFrom} of ${steps}` : `Writing to ${folder}`,
    )
  }

  onStep = (step: Parameters<ProgressLine['step']>[0]): void => this.#line.step(step)

  onEvaluation = ({ loss }: { readonly loss: number }, step: number, best: boolean): void => {
    this.#line.note(
      `step ${step}: validation ${bits(loss)} bits/byte${best ? colors.green('  best so far') : ''}`,
    )
    this.#line.skip()
  }

  onCheckpoint = (): void => this.#line.skip()

  stopping = (): void =>
    this.#line.note('Stopping after this step; Ctrl-C again stops at once, without saving')

  finish({ folder, step, stopped, best }: TextRunResult): void {
    const run = quoted(folder)
    const took = duration((performance.now() - this.#began) / 1000)
    this.#line.end()
    if (stopped === 'interrupted') {
      print(
        `Saved after step ${step}. Continue with:`,
        `  ${colors.bold(`npx sidewinder train text --resume ${run}`)}`,
      )
      return
    }
    const why = stopped === 'patience' ? ', as validation no longer improves' : ''
    print(
      `Finished after step ${step}${why} (${took}).`,
      ...(best
        ? [`Best validation: ${colors.bold(`${bits(best.loss)} bits per byte`)}, at step ${best.step}.`]
        : []),
      `In ${folder}: model.safetensors${best ? ' (the best weights)' : ''}, loss.svg (the curve), metrics.jsonl`,
      '',
      'Next:',
      `  ${colors.bold(`npx sidewinder generate ${run} --prompt "The "`)}`,
      `  and, for a better model: more --steps, a larger --width, more text`,
    )
  }

  close(): void {
    this.#line.end()
  }
}

const print = (...lines: string[]): void => void process.stdout.write(`${lines.join('\n')}\n`)
