import { cases, integers, normal, uniform, values, type Case } from '../cases.ts'
import { sampleOp } from './op.ts'
import type { SampleInputs } from './types.ts'

interface Options {
  readonly B?: number
  readonly V?: number
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  /** Also gives counts of seen tokens. */
  readonly penalty?: number
  readonly columnsOf?: number
}

/** Rows of logits as models give them; the tokens must be the very same on every device. */
function draws(options: Options): Case<SampleInputs> {
  const { B = 19, V = 67, temperature = 1, topK = 0, topP = 1, minP = 0, penalty, columnsOf } = options
  return {
    inputs: {
      logits: normal([B, V], { deviation: 3, ...(columnsOf ? { columnsOf } : {}) }),
      uniform: uniform([B], 0, 1),
      settings: values([8], [temperature, topK, topP, minP, penalty ?? 1, 0, 0, 0]),
      seen: penalty === undefined ? undefined : integers([B, V], 0, 3),
    },
    params: {},
    tolerance: { out: 0 },
  }
}

export const sampleCases = cases(sampleOp, {
  'one token': draws({ B: 1, V: 1 }),
  'two tokens': draws({ V: 2 }),
  'all tokens': draws({}),
  'more than a workgroup': draws({ B: 7, V: 2053 }),
  'the largest': draws({ temperature: 0 }),
  'the largest after a penalty': draws({ temperature: 0, penalty: 3 }),
  'a penalty': draws({ penalty: 1.7 }),
  'a low temperature': draws({ temperature: 0.3, V: 521 }),
  'a high temperature': draws({ temperature: 2.5, V: 521 }),
  'top k': draws({ topK: 5, V: 521 }),
  'top 1': draws({ topK: 1 }),
  'top k of more than there are': draws({ topK: 1000 }),
  'top p': draws({ topP: 0.7, V: 521 }),
  'top p of nearly all': draws({ topP: 0.999, B: 7, V: 2053 }),
  'top p of nothing': draws({ topP: 0 }),
  'min p': draws({ minP: 0.1, V: 521 }),
  'min p of all': draws({ minP: 1 }),
  'all at once': draws({ temperature: 1.3, topK: 40, topP: 0.9, minP: 0.02, penalty: 1.2, V: 1031 }),
  'columns of wider rows': draws({ V: 31, topP: 0.8, columnsOf: 45 }),
})
