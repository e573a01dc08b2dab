/** What all commands that open a model ask for. */
import { Option, type Command } from 'commander'
import type { LanguageModel } from '../language/language-model.ts'
import { loadModel } from '../language/load-model.ts'
import type { WeightFormat } from '../models/files/fill.ts'
import { deviceFlag, threadsFlag, withDevice, type DeviceFlags } from './flags.ts'
import { bytes } from './terminal/show.ts'
import { stderrColors as colors } from './terminal/terminal.ts'

const WEIGHTS: readonly WeightFormat[] = ['stored', 'f32', 'f16', 'q8', 'q4']

export interface SourceFlags {
  readonly file?: string
}

export interface ModelFlags extends SourceFlags, DeviceFlags {
  readonly weights: WeightFormat
}

export const MODEL_ARGUMENT =
  'a folder, a file (.gguf, .safetensors, .bin), or a hub id such as state-spaces/mamba-130m-hf'

export const fileFlag = (): Option =>
  new Option('--file <name>', 'the file with the weights, where there are several')

export function addModelFlags(command: Command): Command {
  return command
    .addOption(fileFlag())
    .addOption(
      new Option('--weights <format>', 'how matrices are kept in memory').choices(WEIGHTS).default('stored'),
    )
    .addOption(deviceFlag())
    .addOption(threadsFlag())
}

/** What `loadModel` and `openCheckpoint` are told: warnings and downloads go to stderr. */
export function sourceOptions({ file }: SourceFlags) {
  let shown = ''
  const onProgress = ({ file: name, received, total }: Download): void => {
    const text = `${name} ${bytes(received)}${total === undefined ? '' : ` of ${bytes(total)}`}`
    if (!process.stderr.isTTY || text === shown) return
    shown = text
    process.stderr.write(`\r\x1b[K${colors.dim(text)}${received === total ? '\r\x1b[K' : ''}`)
  }
  return { ...(file !== undefined && { file }), onWarning, hub: { onProgress } }
}

interface Download {
  readonly file: string
  readonly received: number
  readonly total: number | undefined
}

export const onWarning = (message: string): void =>
  void process.stderr.write(`${colors.yellow('warning:')} ${message}\n`)

/** Opens device and model for `body`, and gives both back after it. */
export async function withModel<T>(
  source: string,
  { weights, file, ...flags }: ModelFlags,
  body: (model: LanguageModel) => Promise<T>,
): Promise<T> {
  return withDevice(flags, async (device) => {
    const model = await loadModel(source, { ...sourceOptions({ file }), device, weights })
    try {
      return await body(model)
    } finally {
      model.dispose()
    }
  })
}
