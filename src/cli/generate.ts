import { InvalidArgumentError, Option, type Command } from 'commander'
import { openDevice } from '../devices/open.ts'
import type { DeviceName } from '../devices/device.ts'
import { generateText, type TextOptions } from '../generate/text.ts'
import { loadModel } from '../models/load-model.ts'
import { between, whole } from '../runs/settings.ts'
import { deviceFlag, numberFlag, threadsFlag } from './flags.ts'
import { stdoutColors as colors } from './terminal.ts'

interface Flags extends TextOptions {
  readonly prompt: string
  readonly device: DeviceName | 'auto'
  readonly threads?: number
}

const nonEmpty = (text: string): string => {
  if (text === '') throw new InvalidArgumentError('Expected a text that is not empty.')
  return text
}

export function addGenerate(program: Command): void {
  program
    .command('generate')
    .description('continue a text with a trained model')
    .argument('<run>', 'run folder, or a folder with config.json and model.safetensors')
    .addOption(new Option('--prompt <text>', 'what to continue').argParser(nonEmpty).makeOptionMandatory())
    .addOption(numberFlag('--max-tokens <n>', 'most bytes to write', whole(1, 1e9)).default(256))
    .addOption(numberFlag('--temperature <x>', '0: always the most probable', between(0, 100)).default(0.8))
    .addOption(numberFlag('--top-k <n>', 'only the k most probable; 0: all', whole(0, 1e9)).default(0))
    .addOption(
      numberFlag('--top-p <p>', 'only the most probable that together have p', between(0, 1)).default(1),
    )
    .addOption(
      numberFlag('--min-p <p>', 'only those with p × the most probable one', between(0, 1)).default(0),
    )
    .addOption(
      numberFlag('--repetition-penalty <x>', 'above 1: repeat less', between(0.001, 1000)).default(1),
    )
    .addOption(numberFlag('--seed <n>', 'same seed: same text', whole(0, 2 ** 32 - 1)).default(0))
    .addOption(new Option('--stop <text...>', 'end before any of these texts'))
    .addOption(deviceFlag())
    .addOption(threadsFlag())
    .action(generate)
}

async function generate(run: string, { prompt, device: name, threads, ...options }: Flags): Promise<void> {
  const device = await openDevice(name, { threads })
  try {
    const model = await loadModel(run, { device })
    if (process.stdout.isTTY) process.stdout.write(colors.dim(prompt))
    for await (const text of generateText(model, prompt, options)) process.stdout.write(text)
    process.stdout.write('\n')
    model.dispose()
  } finally {
    device.destroy()
  }
}
