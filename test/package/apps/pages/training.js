import { constantRate, createModel, randomWindows, startRun, Trainer } from 'sidewinder/train'

export async function run() {
  const model = await createModel({
    architecture: 'mamba2',
    layers: 1,
    width: 16,
    vocabulary: 256,
    seed: 1,
    device: 'wasm',
  })
  const tokens = new TextEncoder().encode('The quick brown fox jumps over the lazy dog. '.repeat(5))
  const trainer = new Trainer(model, { schedule: constantRate(1e-2), steps: 5 })
  const losses = []
  for await (const { loss } of trainer.fit(randomWindows({ tokens, starts: [0] }, { batch: 2, length: 32 })))
    losses.push(loss)
  const run = await startRun({ task: 'text', data: 'book.txt' }, { device: model.device }).catch(
    ({ name, message }) => ({ name, message }),
  )
  return { losses, error: run }
}
