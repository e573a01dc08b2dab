import { cases, normal, type CaseSet } from '../cases.ts'
import { normOp, residualNormOp } from './op.ts'

const rms = { eps: 1e-5, center: false }
const layer = { eps: 1e-5, center: true }
/** Near 1, so that no gradient vanishes. */
const weight = (width: number) => normal([width], { mean: 1, deviation: 0.3 })

export const normCases: readonly CaseSet[] = [
  cases(normOp, {
    bare: { inputs: { x: normal([3, 7]) }, params: rms },
    'one channel': { inputs: { x: normal([5, 1]), weight: weight(1) }, params: { ...rms, eps: 0.5 } },
    'one row': { inputs: { x: normal([33]), weight: weight(33) }, params: rms },
    weight: { inputs: { x: normal([2, 5, 31]), weight: weight(31) }, params: rms },
    'weight and bias': {
      inputs: { x: normal([33, 67]), weight: weight(67), bias: normal([67]) },
      params: rms,
    },
    'wider than a workgroup, more rows than a block': {
      inputs: { x: normal([131, 523]), weight: weight(523) },
      params: rms,
      finiteDifferences: false,
    },
    gate: { inputs: { x: normal([3, 33]), weight: weight(33), z: normal([3, 33]) }, params: rms },
    'gate after': {
      inputs: { x: normal([3, 33]), weight: weight(33), z: normal([3, 33]) },
      params: { ...rms, normBeforeGate: true },
    },
    'gate after, bias': {
      inputs: { x: normal([3, 21]), weight: weight(21), bias: normal([21]), z: normal([3, 21]) },
      params: { ...rms, normBeforeGate: true },
    },
    'gate without weight': { inputs: { x: normal([3, 33]), z: normal([3, 33]) }, params: rms },
    groups: { inputs: { x: normal([7, 33]), weight: weight(33) }, params: { ...rms, groupSize: 11 } },
    'groups of one block': {
      inputs: { x: normal([7, 64]), weight: weight(64) },
      params: { ...rms, groupSize: 8 },
    },
    'gated groups': {
      inputs: { x: normal([7, 62]), weight: weight(62), z: normal([7, 62]) },
      params: { ...rms, groupSize: 31 },
    },
    'gated groups, gate after': {
      inputs: { x: normal([7, 62]), weight: weight(62), z: normal([7, 62]) },
      params: { ...rms, groupSize: 31, normBeforeGate: true },
    },
    views: {
      inputs: {
        x: normal([5, 13], { columnsOf: 29 }),
        weight: weight(13),
        z: normal([5, 13], { columnsOf: 31 }),
      },
      params: rms,
    },
    'large eps': { inputs: { x: normal([3, 24]), weight: weight(24) }, params: { ...rms, eps: 10 } },
    'tiny inputs': {
      inputs: { x: normal([3, 24], { deviation: 1e-12 }), weight: weight(24) },
      params: rms,
      finiteDifferences: false,
    },
    'layer norm': {
      inputs: { x: normal([5, 33], { mean: 3 }), weight: weight(33), bias: normal([33]) },
      params: layer,
    },
    'bare layer norm': { inputs: { x: normal([5, 7]) }, params: layer },
    'gated groups of layer norm': {
      inputs: { x: normal([3, 26]), weight: weight(26), z: normal([3, 26]) },
      params: { ...layer, groupSize: 13 },
    },
  }),
  cases(residualNormOp, {
    residual: { inputs: { x: normal([5, 31]), residual: normal([5, 31]), weight: weight(31) }, params: rms },
    'residual and gate': {
      inputs: { x: normal([5, 31]), residual: normal([5, 31]), weight: weight(31), z: normal([5, 31]) },
      params: rms,
    },
    'view, residual': {
      inputs: { x: normal([5, 13], { columnsOf: 29 }), residual: normal([5, 13]), weight: weight(13) },
      params: rms,
    },
    'residual and layer norm': {
      inputs: { x: normal([5, 31]), residual: normal([5, 31]), weight: weight(31), bias: normal([31]) },
      params: layer,
    },
  }),
]
