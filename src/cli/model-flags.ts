/** What all commands that open a model ask for. */
import { Option, type Command } from 'commander'
import type { LanguageModel } from '../language/language-model.ts'
import { loadModel } from '../language/load-model.ts'
import type { WeightFormat } from '../models/files/fill.ts'
import { deviceFlag, threadsFlag, withDevice, type DeviceFlags } from './flags.ts'
import { bytes } from './terminal/show.ts'
import { interruption } from './terminal/interrupt.ts'
import { showStatus, stderrColors as colors, tell } from './terminal/terminal.ts'

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
    if (text === shown) return
    shown = text
    showStatus(received === total ? '' : text)
  }
  return { ...(file !== undefined && { file }), onWarning, hub: { onProgress }, signal: interruption.signal }
}

interface Download {
  readonly file: string
  readonly received: number
  readonly total: number | undefined
}

export const onWarning = (message: string): void => tell([`${colors.yellow('warning:')} ${message}`])

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
