// Memory while 100,000 tokens are generated.
// npm run bench -- constant-memory [tokens]
import { openDevice } from '../src/ops/open-device.ts'
import { LanguageModel } from '../src/language/language-model.ts'
import { modelConfig } from '../src/models/config.ts'

const total = Number(process.argv[2] ?? 100_000)
const device = await openDevice('wasm')
const config = modelConfig({ architecture: 'mamba', layers: 2, width: 64, vocabulary: 256 })
const model = LanguageModel.create(config, device, 1)
console.log(`${device.description}; mamba, 2 layers, width 64: ${model.size} parameters`)

for (const history of [true, false]) {
  const session = model.session({ history })
  console.log(`\n${history ? 'with' : 'without'} history; state ${session.stateBytes} bytes`)
  console.log(
    ['tokens', 'rss MiB', 'host heap MiB', 'device bytes in use', 'snapshots', 'tokens/s'].join('\t'),
  )
  let start = performance.now()
  let done = 0
  for await (const _ of session.generateTokens([1], { maxTokens: total, seed: 1 })) {
    if (++done % (total / 10) !== 0) continue
    const rate = total / 10 / ((performance.now() - start) / 1000)
    const { rss, heapUsed } = process.memoryUsage()
    const bytes = device.heap.usedBytes + device.arena.reservedBytes
    const columns = [done, mebibytes(rss), mebibytes(heapUsed), bytes, session.snapshotBytes, rate.toFixed(0)]
    console.log(columns.join('\t'))
    start = performance.now()
  }
  session.dispose()
}
device.destroy()

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
