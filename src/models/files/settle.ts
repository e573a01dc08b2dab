/** The tensors of files under the names of the model's parameters, and what is done with the others. */
import { clip } from '../../checkpoints/json.ts'
import type { StoredTensor } from '../../checkpoints/stored.ts'
import { someOf, type Warn } from '../../checkpoints/warn.ts'
import { CheckpointError } from '../../errors.ts'
import { walk } from '../../nn/module.ts'
import type { ModelConfig } from '../config.ts'
import { readLayout, type Tensors } from '../layouts/layout.ts'
import { respelled } from '../layouts/spellings.ts'
import type { Published } from '../published.ts'
import { Stack } from '../stack.ts'
import type { Checkpoint } from './open.ts'
import { sameValues } from './tied.ts'

/** Names of tensors that say how others are scaled: without them, the others mean nothing. */
const SCALES =
  /\.(?:qweight|qzeros|scales|g_idx|SCB|absmax|quant_map|quant_state\..*|weight_scale(?:_inv)?|weight_packed)$/

/** Tensors under the names of the model's parameters. A head that is not the embedding is one of its own. */
export async function settle(
  { config, layout, base }: Published,
  files: Tensors,
  where: string,
  warn: Warn,
): Promise<Pick<Checkpoint, 'config' | 'tensors'>> {
  const tree = new Stack(config)
  const spelled = base === '' ? files : respelled(files, { tree, layout, base, where, warn })
  const twins: (readonly StoredTensor[])[] = []
  const tensors = readLayout(tree, layout, spelled, where, (each) => twins.push(each))
  for (const [first, ...others] of twins) {
    for (const other of others) {
      if (await sameValues(first, other)) continue
      warn(`[${where}] the head differs from the embedding, although the configuration ties them: it is used`)
      const untied = { ...config, tieEmbeddings: false }
      const apart = readLayout(new Stack(untied), layout, spelled, where)
      return { config: untied, tensors: withoutUnknown(untied, apart, where, warn) }
    }
  }
  return { config, tensors: withoutUnknown(config, tensors, where, warn) }
}

/** Warns of tensors that the model has no place for; they stay in the list. */
function withoutUnknown(config: ModelConfig, tensors: Tensors, where: string, warn: Warn): Tensors {
  const known = new Set(
    walk(new Stack(config)).flatMap(({ paths, parameter }) =>
      paths.flatMap((path) => [path, parameter.alternativePath(path) ?? path]),
    ),
  )
  const unknown = [...tensors.keys()].filter((name) => !known.has(name))
  const scale = unknown.find((name) => SCALES.test(name))
  if (scale !== undefined) {
    throw new CheckpointError('quantised weights of this kind are not read', {
      where,
      found: clip(scale),
      hint: 'Save the model with its full weights, or as GGUF',
    })
  }
  if (unknown.length > 0) warn(`[${where}] the model has no place for ${someOf(unknown.map(clip))}`)
  return tensors
}
