/** A file of AssemblyScript as a module; it imports no others. */
import { main as compileAssembly } from 'assemblyscript/asc'
import { readFile } from 'node:fs/promises'

export async function compileText(path: string, features: string): Promise<Uint8Array<ArrayBuffer>> {
  let made: Uint8Array<ArrayBuffer> | undefined
  const flags = ['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--outFile', 'made.wasm']
  const text = await readFile(path, 'utf8')
  const { error } = await compileAssembly(['entry.ts', '--enable', features, ...flags], {
    readFile: (name) => (name === 'entry.ts' ? text : null),
    writeFile: (name, contents) => {
      if (name === 'made.wasm') made = Uint8Array.from(contents as Uint8Array)
    },
    listFiles: () => [],
  })
  if (!made) throw error ?? new Error(`${path} did not compile`)
  return made
}
