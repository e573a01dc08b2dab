/** Mutated inputs for every reader. `npm run fuzz` runs many more; the same numbers give the same inputs. */
import { expect, test } from 'vitest'
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
const INPUTS = Number(process.env['SIDEWINDER_FUZZ_INPUTS'] ?? 500)
const SEED = Number(process.env['SIDEWINDER_FUZZ_SEED'] ?? 1)
/** In ms. Tests share their machine, a long run has it for itself. */
const MOST_TIME = process.env['SIDEWINDER_FUZZ_INPUTS'] ? 1000 : 20_000

test.each(TARGETS)('$name', { timeout: 3_600_000 }, async (target) => {
  const { findings, ...report } = await fuzz(target, { inputs: INPUTS, seed: SEED, mostTime: MOST_TIME })
  if (process.env['SIDEWINDER_FUZZ_INPUTS']) console.log(describe(report))
  expect(findings).toEqual([])
  // Mutations that all fail at the first byte, or that change nothing, would test nothing.
  expect(report.accepted).toBeLessThan(report.inputs)
})

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
