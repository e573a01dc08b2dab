/**
 * Continues a text, and keeps the state in a file: run it again, and it goes on from there without reading
 * anything again.
 *
 *     node scripts/run-ts.mjs examples/generate.ts runs/example --prompt "Mamba models " --state
 *     runs/example.state
 */
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { loadModel } from 'sidewinder'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    prompt: { type: 'string', default: 'Mamba models ' },
    state: { type: 'string', default: 'runs/example.state' },
    tokens: { type: 'string', default: '100' },
  },
})

// A folder, a GGUF file or a hub id; weights may be kept in fewer bits.
const model = await loadModel(positionals[0] ?? 'runs/example', { device: 'auto', weights: 'f32' })

const saved = existsSync(values.state)
const session = saved ? await model.session({ from: await readFile(values.state) }) : model.session()
if (!saved) {
  process.stdout.write(values.prompt)
  await session.append(values.prompt)
}

const options = { maxTokens: Number(values.tokens), temperature: 0.7, topP: 0.95 }
for await (const piece of session.generate(options)) process.stdout.write(piece)

await writeFile(values.state, await session.save())
console.log(`\n${session.length} tokens so far, state of ${session.stateBytes} bytes in ${values.state}`)
session.dispose()
model.dispose()
