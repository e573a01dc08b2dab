/** Files of fixtures, as models are loaded from them and written to. */
import type { FileLike } from '../../src/checkpoints/source.ts'
import { blobOf } from '../../src/models/files/folder.ts'
import { ggufFile } from '../../src/models/files/save.ts'
import { readTestFile } from '../files.ts'

export type Files = Map<string, FileLike>

export async function filesOf(folder: string, ...names: string[]): Promise<Files> {
  const files: Files = new Map()
  for (const name of names) files.set(name, await readTestFile(`test/fixtures/${folder}/${name}`))
  return files
}

export const published = (name: string): Promise<Files> =>
  filesOf(`checkpoints/${name}`, 'config.json', 'model.safetensors')

export const inGguf = (name: string, type = 'f32'): Promise<Files> =>
  filesOf(`gguf/${name}`, `model-${type}.gguf`)

export async function ggufBytes(...made: Parameters<typeof ggufFile>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await blobOf(ggufFile(...made))).arrayBuffer())
}
