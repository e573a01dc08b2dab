import { InvalidArgumentError, Option, type Command } from 'commander'
import type * as v from 'valibot'
import { ConfigError } from '../../errors.ts'
import { resumeRun, startRun, type RunOptions } from '../../runs/run.ts'
import { readRun } from '../../runs/run-file.ts'
import { MODEL_SETTINGS, settingsOf, type RunSettings } from '../../runs/settings.ts'
import type { RunResult } from '../../runs/training.ts'
import type { TaskDefinition } from '../../tasks/definition.ts'
import { taskDefinition, TASKS } from '../../tasks/index.ts'
import type { Setting } from '../../tasks/settings.ts'
import { deviceFlag, numberFlag, threadsFlag, withDevice, type DeviceFlags } from '../flags.ts'
import { MODEL_ARGUMENT, onWarning, sourceOptions } from '../model-flags.ts'
import { INTERRUPTED, interruption } from '../terminal/interrupt.ts'
import { RunReport } from '../terminal/run-report.ts'

interface Flags {
  readonly data?: string
  readonly test?: string
  readonly out?: string
  readonly resume?: string
  readonly from?: string
  readonly steps?: number
  readonly device: DeviceFlags['device']
  readonly threads?: number
  readonly [setting: string]: unknown
}

/** Flags that go with --resume: but for `steps`, they do not change what is computed. */
const WITH_RESUME = new Set(['resume', 'steps', 'data', 'test', 'device', 'threads'])
const GROUPS: readonly Setting['group'][] = ['Run', 'Model', 'Data', 'Training']

/** `sidewinder train TASK`, a command for each task. */
export function addTrain(program: Command, exit: (code: number) => void): void {
  const train = program.command('train').description('train a model')
  for (const name of Object.keys(TASKS)) addTask(train, taskDefinition(name), exit)
}

function addTask(train: Command, definition: TaskDefinition, exit: (code: number) => void): void {
  const command = train
    .command(definition.name)
    .description(`${definition.summary}, or continue a run`)
    .usage('--data <path> [--from <model>] [flags]  or  --resume <run> [--steps <n>]')
  for (const flag of [...runFlags(definition), ...settingFlags(definition.name)]) command.addOption(flag)
  command.action(async (given: Flags) => {
    const result =
      given.resume === undefined
        ? await start(command, definition.name, given)
        : await resume(command, definition.name, given, given.resume)
    if (result.stopped === 'interrupted') exit(interruption.code ?? INTERRUPTED)
  })
}

const word = (text: string): string => {
  if (text === '') throw new InvalidArgumentError('Expected a word that is not empty.')
  return text
}

function runFlags({ takes }: TaskDefinition): Option[] {
  return [
    new Option('--data <path>', takes).argParser(word),
    new Option(
      '--test <path>',
      'other data of the same kind, that the finished model is tested on',
    ).argParser(word),
    new Option('--from <model>', `train on from ${MODEL_ARGUMENT}, with its tokenizer`).argParser(word),
    new Option('--out <folder>', 'run folder (default: runs/<data>-<n>)').argParser(word),
    new Option(
      '--resume <run>',
      'continue a run where it stopped; of the flags that would change it, takes --steps alone: as many in all',
    ).argParser(word),
    deviceFlag(),
    threadsFlag(),
  ].map((option) => option.helpGroup('Run:'))
}

/** A flag for each setting, by its group: `learningRate` is `--learning-rate`. */
function settingFlags(task: string): Option[] {
  const settings = Object.entries(settingsOf(task))
  return GROUPS.flatMap((group) =>
    settings
      .filter(([, setting]) => setting.group === group)
      .map(([name, setting]) => settingFlag(name, setting).helpGroup(`${group}:`)),
  )
}

function settingFlag(name: string, { kind, schema, takes, help, choices, default: value }: Setting): Option {
  const long = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  const flags = takes === undefined ? long : `${long} ${takes}`
  switch (kind) {
    case 'number':
      return numberFlag(flags, help, schema as v.GenericSchema<number>).default(value)
    case 'choice':
      return new Option(flags, help).choices(choices ?? []).default(value)
    case 'text':
      return new Option(flags, help).argParser(word).default(value)
    case 'flag':
      return new Option(flags, help).default(value)
    default:
      return kind satisfies never
  }
}

async function start(command: Command, task: string, flags: Flags): Promise<RunResult> {
  const { data, out, device, threads, resume: _, ...settings } = flags
  if (data === undefined) {
    return command.error("error: required option '--data <path>' not given, nor '--resume <run>'")
  }
  const own = flags.from === undefined ? settings : withoutModel(command, settings)
  const run = { ...own, task, data } as unknown as RunSettings
  const source = { ...sourceOptions({}), onWarning }
  return train(device, threads, (options) => startRun(run, { folder: out, source, ...options }))
}

/** Settings without the defaults of what a model to train on from says itself. */
function withoutModel(command: Command, settings: Readonly<Record<string, unknown>>): object {
  const isGiven = (name: string): boolean => command.getOptionValueSource(name) === 'cli'
  const twice = MODEL_SETTINGS.filter(isGiven)
  if (twice.length > 0) {
    const names = twice.map((name) => `'--${name}'`).join(', ')
    return command.error(`error: the model of --from has its own architecture and does not take ${names}`)
  }
  const left = new Set<string>(MODEL_SETTINGS)
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !left.has(name)))
}

async function resume(
  command: Command,
  task: string,
  { data, test, steps, device, threads }: Flags,
  folder: string,
): Promise<RunResult> {
  const changing = command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
    .filter((option) => !WITH_RESUME.has(option.attributeName()))
  if (changing.length > 0) {
    const names = changing.map(({ long }) => `'${long}'`).join(', ')
    return command.error(
      `error: --resume continues the run as it was begun and does not take ${names}\n(Start a new run with --data and --out instead)`,
    )
  }
  const isGiven = command.getOptionValueSource('steps') === 'cli'
  const run = await readRun(folder)
  if (run.task !== task) {
    throw new ConfigError('the run is of another task', {
      where: folder,
      expected: task,
      found: run.task,
      hint: `Continue it with: npx sidewinder train ${run.task} --resume ${folder}`,
    })
  }
  return train(device === 'auto' ? run.device : device, threads, (options) =>
    resumeRun(folder, { data, test, ...(isGiven && { steps }), ...options }),
  )
}

async function train(
  name: DeviceFlags['device'],
  threads: number | undefined,
  body: (options: RunOptions) => Promise<RunResult>,
): Promise<RunResult> {
  return withDevice({ device: name, threads }, async (device) => {
    const report = new RunReport()
    const { signal } = interruption
    signal.addEventListener('abort', report.stopping)
    try {
      const result = await body({ device, events: report, signal })
      report.finish(result)
      result.model.dispose()
      return result
    } finally {
      signal.removeEventListener('abort', report.stopping)
      report.close()
    }
  })
}
