/** What commands on models are tested with: two models, and the command line. */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { commandLine, type CommandLine } from '../cli/command-line.ts'

export const WASM = ['--device', 'wasm', '--threads', '1']
export const GREEDY = ['--temperature', '0', ...WASM]

const TEMPLATE =
  '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}'

export interface CliModels {
  readonly cli: CommandLine
  /** Holds all that follows. */
  readonly folder: string
  /** A model with random weights, a tokenizer and a chat template. */
  readonly published: string
  /** A folder that `train text` made. */
  readonly run: string
  /** The text that it was made from. */
  readonly data: string
  /** What a command that must succeed prints. */
  output(this: void, ...args: string[]): Promise<string>
  remove(this: void): Promise<void>
}

export async function openCliModels(): Promise<CliModels> {
  const cli = await commandLine()
  const folder = await mkdtemp(join(tmpdir(), 'sidewinder-models-'))
  const output = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli.run(...args)
    expect([code, stderr]).toEqual([0, ''])
    return stdout
  }
  const [published, run, data] = ['published', 'run', 'sea.txt'].map((name) => join(folder, name))
  await copyPublished(published)
  await writeFile(data, 'the whale and the sea and the ship. '.repeat(60))
  const size = ['--layers', '1', '--width', '32', '--state', '8', '--batch', '2', '--length', '32']
  const steps = ['--steps', '60', '--learning-rate', '0.01']
  await output('train', 'text', '--data', data, '--out', run, ...size, ...steps, ...WASM)
  const remove = async (): Promise<void> => {
    await cli.remove()
    await rm(folder, { recursive: true, force: true })
  }
  return { cli, folder, published, run, data, output, remove }
}

async function copyPublished(to: string): Promise<void> {
  await mkdir(to)
  const fixture = new URL('../fixtures/gguf/mamba1/', import.meta.url)
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json'])
    await copyFile(new URL(name, fixture), join(to, name))
  const config = JSON.parse(await readFile(new URL('tokenizer_config.json', fixture), 'utf8')) as object
  await writeFile(join(to, 'tokenizer_config.json'), JSON.stringify({ ...config, chat_template: TEMPLATE }))
}
