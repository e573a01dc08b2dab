/** Mutated inputs for every reader. `npm run fuzz` runs many more; the same numbers give the same inputs. */
import { expect, test } from 'vitest'
import { onlyIn } from './left-out.ts'
import { configTarget, indexTarget } from './suites/fuzz/model.ts'
import { ggufTarget } from './suites/fuzz/gguf.ts'
import { pickleTarget, pytorchTarget } from './suites/fuzz/pytorch.ts'
import { fuzz, type FuzzTarget } from './suites/fuzz/run.ts'
import { safetensorsTarget } from './suites/fuzz/safetensors.ts'
import { stateTarget } from './suites/fuzz/state.ts'
import { tableTarget } from './suites/fuzz/table.ts'
import { tokenizerTarget } from './suites/fuzz/tokenizer.ts'

const TARGETS: readonly FuzzTarget[] = [
  safetensorsTarget,
  indexTarget,
  configTarget,
  pytorchTarget,
  pickleTarget,
  ggufTarget,
  tokenizerTarget,
  stateTarget,
  tableTarget,
]
/** Set by `npm run fuzz`. */
const ASKED = Number(process.env['SIDEWINDER_FUZZ_INPUTS'] ?? 0)
const SEED = Number(process.env['SIDEWINDER_FUZZ_SEED'] ?? 1)
/** In ms. Tests share their machine, a run of `npm run fuzz` has it for itself. */
const MOST_TIME = ASKED > 0 ? 1000 : 20_000

async function check(target: FuzzTarget, inputs: number): Promise<void> {
  const { findings, ...report } = await fuzz(target, { inputs, seed: SEED, mostTime: MOST_TIME })
  if (ASKED > 0) console.log(describe(report))
  expect(findings).toEqual([])
  // Mutations that all fail at the first byte, or that change nothing, would test nothing.
  expect(report.accepted).toBeLessThan(report.inputs)
}

const timeout = 3_600_000
if (ASKED > 0) {
  test.each(TARGETS)(`$name, ${ASKED} inputs`, { timeout }, (target) => check(target, ASKED))
} else {
  test.each(TARGETS)('$name, 200 inputs', (target) => check(target, 200))
  test.each(TARGETS)('$name, 5000 inputs', { timeout, ...onlyIn('long') }, (target) => check(target, 5000))
}

const describe = ({
  target,
  inputs,
  accepted,
  slowest,
  mostMemory,
  residentGrowth,
}: Omit<Report, 'findings'>): string =>
  `${target}: ${inputs} inputs, ${accepted} read, the rest refused; slowest ${slowest.toFixed(0)} ms, ` +
  `${MiB(mostMemory)} kept by one; the process grew by ${MiB(residentGrowth)}`

const MiB = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`

type Report = Awaited<ReturnType<typeof fuzz>>
