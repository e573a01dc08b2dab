/**
 * The globals that a state dict needs, and what they make. Any other is refused: it could be any function of
 * Python.
 */
import { COST, Global, isCount, isTuple, List, Opaque, Storage, View } from './values.ts'
import type { CallContext, Dict, Tuple, Value } from './values.ts'

/** More axes than any tensor of PyTorch has. */
const MAX_RANK = 64

/** `OrderedDict()`, and `OrderedDict([[key, value], …])` as Python 2 wrote it. */
function orderedDict(args: Tuple, pickle: CallContext): Value {
  const [pairs] = args
  if (args.length > 1 || (pairs !== undefined && !(pairs instanceof List))) {
    return pickle.refuse('collections.OrderedDict with arguments that it does not have')
  }
  pickle.spend(COST.dict)
  const dict: Dict = new Map()
  for (const pair of pairs?.items ?? []) {
    const [key, value] = pair instanceof List ? pair.items : isTuple(pair) ? pair : []
    if (key === undefined || value === undefined)
      return pickle.refuse('collections.OrderedDict of what are no pairs')
    pickle.spend(COST.dictEntry)
    dict.set(key, value)
  }
  return dict
}

/**
 * (storage, offset, shape, strides), then whether it needs a gradient, hooks and metadata: the last may
 * change the values.
 */
function tensor(name: string, fewest: number, most: number) {
  return (args: Tuple, pickle: CallContext): Value => {
    const [storage, offset, shape, strides, , , metadata = null] = args
    if (args.length < fewest || args.length > most) {
      return pickle.refuse(`${name} with too few or too many arguments`, undefined, args.length)
    }
    if (!(storage instanceof Storage)) return pickle.refuse(`${name} of what is no storage`)
    if (!isCount(offset)) return pickle.refuse(`${name} with a storage offset that is no count`)
    if (!isCounts(shape) || !isCounts(strides) || shape.length !== strides.length) {
      return pickle.refuse(`${name} with shape and strides that are not as many counts, at most ${MAX_RANK}`)
    }
    if (metadata !== null && !(metadata instanceof Map && metadata.size === 0)) {
      return pickle.refuse(`${name} with metadata (a conjugate or negative view)`)
    }
    pickle.spend(COST.view)
    return new View(storage, offset, shape, strides)
  }
}

const isCounts = (value: Value | undefined): value is readonly number[] =>
  isTuple(value) && value.length <= MAX_RANK && value.every(isCount)

/** (data, whether it needs a gradient, hooks). */
function parameter(args: Tuple, pickle: CallContext): Value {
  const [data] = args
  if (args.length !== 3 || !(data instanceof View)) {
    return pickle.refuse('torch._utils._rebuild_parameter of what is no tensor')
  }
  return data
}

/** What training programs keep beside the weights: made to nothing, whatever the arguments. */
const BESIDE = [
  'collections.Counter',
  '__builtin__.set',
  '__builtin__.bytearray',
  '__builtin__.complex',
  'builtins.set',
  'builtins.bytearray',
  'builtins.complex',
  'torch.device',
  '_codecs.encode',
]

/** `torch.Size((…))`. */
function size(args: Tuple, pickle: CallContext): Value {
  const [axes] = args
  return args.length === 1 && isTuple(axes) ? axes : pickle.refuse('torch.Size of what is no tuple')
}

const STORAGES = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
}

/** Values beside the tensors of a checkpoint. */
const CONSTANTS = [
  'float64',
  'float32',
  'float16',
  'bfloat16',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint8',
  'bool',
]

const calls: readonly Global[] = [
  new Global('collections.OrderedDict', { call: orderedDict }),
  new Global('torch._utils._rebuild_tensor', { call: tensor('torch._utils._rebuild_tensor', 4, 4) }),
  new Global('torch._utils._rebuild_tensor_v2', { call: tensor('torch._utils._rebuild_tensor_v2', 6, 7) }),
  new Global('torch._utils._rebuild_parameter', { call: parameter }),
  new Global('torch.Size', { call: size }),
  ...BESIDE.map((name) => new Global(name, { call: () => new Opaque(name) })),
]

/** By `module.name`. */
export const GLOBALS: ReadonlyMap<string, Global | Opaque> = new Map<string, Global | Opaque>([
  ...calls.map((each) => [each.name, each] as const),
  ...Object.entries(STORAGES).map(
    ([name, dtype]) => [`torch.${name}`, new Global(`torch.${name}`, { dtype })] as const,
  ),
  ...CONSTANTS.map((name) => [`torch.${name}`, new Opaque(`torch.${name}`)] as const),
])
