/**
 * Sidewinder as an engine among others: node scripts/run-ts.mjs bench/peers/engines/sidewinder.ts <device>
 * <threads>
 */
import type { DeviceName } from '../../../src/devices/device.ts'
import { openDevice } from '../../../src/ops/open-device.ts'
import type { LanguageModel } from '../../../src/language/language-model.ts'
import { loadModel } from '../../../src/language/load-model.ts'
import { obey } from './lines.mjs'

interface Run {
  readonly prompt: readonly number[]
  readonly count: number
}

interface Margin {
  readonly tokens: readonly number[]
  readonly pair: readonly [number, number]
}

const [name, threads] = process.argv.slice(2)
const device = await openDevice(name as DeviceName, { threads: Number(threads), software: true })
let model: LanguageModel | undefined

await obey(`Sidewinder, ${device.description}, Node ${process.versions.node}`, {
  async open({ path }: { path: string }) {
    model?.dispose()
    model = await loadModel(path, { device, weights: 'stored' })
    return {}
  },
  async run({ prompt, count }: Run) {
    const session = model!.session({ rewind: false })
    const tokens: number[] = []
    const start = performance.now()
    let first = start
    const drawn = session.generateTokens(prompt, { temperature: 0, maxTokens: count + 1, stopTokens: [] })
    for await (const token of drawn) if (tokens.push(token) === 1) first = performance.now()
    const end = performance.now()
    session.dispose()
    return { tokens, prefill: (first - start) / 1000, decode: (end - first) / 1000 }
  },
  /** How far apart the logits of two tokens are, over the largest logit. */
  async margin({ tokens, pair: [a, b] }: Margin) {
    const session = model!.session({ rewind: false })
    await session.append(tokens)
    const logits = await session.logits()
    session.dispose()
    const largest = logits.reduce((most, each) => Math.max(most, Math.abs(each)), 0)
    return { margin: Math.abs(logits[a] - logits[b]) / largest }
  },
})
device.destroy()
