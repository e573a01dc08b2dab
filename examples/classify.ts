/**
 * Trains a classifier of sequences, tests it on sequences that it has not seen, and asks it about one.
 *
 * The data are made here, so that nothing is downloaded: DNA of 60 letters, in which a splice donor
 * (CAG|GTAAGT) may or may not stand in the middle. For a table of your own, `npx sidewinder train classify
 * --data table.csv` does the same.
 *
 *     node scripts/run-ts.mjs examples/classify.ts --steps 60
 */
import { parseArgs } from 'node:util'
import { createModel, openDevice, Random } from 'sidewinder'
import { classify, type SequenceRecord } from 'sidewinder/tasks'
import { cosine, evaluate, predictRecords, recordBatches, recordPass, Trainer } from 'sidewinder/train'

const { values } = parseArgs({ options: { steps: { type: 'string', default: '60' } } })
const NAMES = ['other', 'donor']

// A record is a sequence and what is known of it: here tokens (the bytes of its letters), and a class for the
// whole.
const random = new Random(7)
const letters = (count: number): string =>
  Array.from({ length: count }, () => 'ACGT'[random.integer(4)]).join('')
const recordOf = (dna: string, label: number): SequenceRecord => ({
  tokens: new TextEncoder().encode(dna),
  label,
})
const records = Array.from({ length: 600 }, (_, i) => {
  const middle = i % 2 === 1 ? 'CAGGTAAGT' : letters(9)
  return recordOf(letters(25) + middle + letters(26), i % 2)
})
const [training, test] = [records.slice(0, 500), records.slice(500)]

const device = await openDevice('auto')
const task = classify({ classes: NAMES.length, names: NAMES })
const model = await createModel({
  architecture: 'mamba2',
  layers: 2,
  width: 32,
  vocabulary: 256,
  classes: NAMES.length,
  seed: 1,
  device,
})
const { input } = model.config

const steps = Number(values.steps)
const trainer = new Trainer(model, { task, schedule: cosine({ peak: 1e-2 }), steps })
for await (const { step, loss } of trainer.fit(
  recordBatches(training, task, { input, batch: 32, seed: 1 }),
)) {
  if (step % 20 === 0 || step === steps) console.log(`step ${step}: ${loss.toFixed(3)} nats per sequence`)
}
trainer.dispose()

const { metrics, confusion } = await evaluate(model, task, recordPass(test, task, { input, batch: 50 }))
console.log(`test: ${(100 * metrics['accuracy']).toFixed(1)} % right`)
for (const [i, row] of confusion!.entries()) {
  console.log(`  ${NAMES[i]} sequences, taken for: ${NAMES.map((name, j) => `${name} ${row[j]}`).join(', ')}`)
}

// What the head says of one new sequence: a logit for each class.
const asked = [recordOf(`${letters(25)}CAGGTAAGT${letters(26)}`, 1)]
for await (const { y } of predictRecords(model, task, recordPass(asked, task, { input, batch: 1 }), asked)) {
  console.log(`a new sequence with a donor is taken for: ${NAMES[y.indexOf(Math.max(...y))]}`)
}
model.dispose()
device.destroy()
