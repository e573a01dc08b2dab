/**
 * Configurations as others publish them: config.json of transformers and state-spaces, metadata of GGUF; and
 * our own.
 */
import { warnOnConsole, type Warn } from '../checkpoints/warn.ts'
import { ConfigError } from '../errors.ts'
import { ARCHITECTURES } from './architectures/index.ts'
import { readModelConfig, type ModelConfig } from './config.ts'
import { Fields } from './layouts/fields.ts'
import { fromGguf, ggufLayout, toGguf, type GgufModel } from './layouts/gguf.ts'
import { BACKBONE, backboneLayout, Float, type Json } from './layouts/hugging-face.ts'
import { refuseUnsupported, warnOfUnread } from './layouts/known-keys.ts'
import { ownLayout, type Layout } from './layouts/layout.ts'
import { fromMistral, fromStateSpaces } from './layouts/state-spaces.ts'

const HUGGING_FACE = ARCHITECTURES.flatMap(({ huggingFace }) => huggingFace ?? [])
const STATE_SPACES = ARCHITECTURES.flatMap(({ stateSpaces }) => stateSpaces ?? [])
const GGUF = ARCHITECTURES.flatMap(({ gguf }) => gguf ?? [])

/** A configuration, and how the files that it came from name the parameters. */
export interface Published {
  readonly config: ModelConfig
  readonly layout: Layout
  /** What stands before the names of all but the head. */
  readonly base: string
}

/**
 * Reads a parsed config.json, in the layout of transformers, of state-spaces, of Mistral or our own. `where`
 * names the file in errors. `warn` is told of keys that are not heard.
 *
 * @throws ConfigError naming the key that is missing, wrong, or says what is not computed here
 */
export function readConfig(json: Json, where: string, warn: Warn = warnOnConsole): Published {
  const fields = new Fields(fromMistral(json) ?? json, where)
  refuseUnsupported(fields)
  const published = readFields(fields, warn)
  // Whatever the layout: numbers that no model can have are refused before memory is asked for.
  readModelConfig(published.config, where)
  warnOfUnread(fields, warn)
  return published
}

function readFields(fields: Fields, warn: Warn): Published {
  const type = modelType(fields)
  if (type === undefined) {
    const config = fromStateSpaces(fields, STATE_SPACES) as ModelConfig
    return { config, layout: backboneLayout, base: BACKBONE }
  }
  if (type === 'sidewinder') {
    const config = readModelConfig(fields.value('sidewinder'), fields.at('sidewinder'))
    return { config, layout: ownLayout, base: BACKBONE }
  }
  const published = HUGGING_FACE.find(({ modelType: known }) => known === type)
  if (published) {
    warnOfOtherHead(fields, published.className, warn)
    const config = published.read(fields) as ModelConfig
    return { config, layout: published.layout(config), base: published.base }
  }
  throw new ConfigError('unknown model_type', {
    where: fields.at('model_type'),
    expected: `${HUGGING_FACE.map(({ modelType: known }) => known).join(', ')} or sidewinder`,
    found: type,
  })
}

/** `MambaForCausalLM` and `MambaModel`, whose head is the embedding, are language models; others are not. */
function warnOfOtherHead(fields: Fields, className: string, warn: Warn): void {
  const classes = fields.optional('architectures')
  if (!Array.isArray(classes) || classes.length === 0) return
  const known = [className, className.replace('ForCausalLM', 'Model'), className.replace('ForCausal', 'Head')]
  if (classes.some((each) => known.includes(each as string))) return
  const found = JSON.stringify(classes).slice(0, 200)
  warn(`[${fields.at('architectures')}] ${found} is read as ${className}: other heads are not`)
}

/** Reads the metadata of a GGUF file; its tensors say what the metadata do not. */
export function readGgufConfig(
  metadata: ReadonlyMap<string, unknown>,
  tensors: Parameters<typeof fromGguf>[1],
  where: string,
): Published {
  const config = readModelConfig(fromGguf(metadata, tensors, where, GGUF), where)
  const layout = GGUF.find(({ name }) => name === metadata.get('general.architecture'))!
  return { config, layout: ggufLayout(layout, config.layers), base: '' }
}

/** How a GGUF file says a configuration. Throws ConfigError naming what GGUF has no words for. */
export function writeGgufConfig(config: ModelConfig, where: string): GgufModel {
  return toGguf(config, where, GGUF)
}

/** undefined for the layout of state-spaces, which has no such key but `ssm_cfg`. */
function modelType(fields: Fields): string | undefined {
  if (fields.optional('model_type') !== undefined) return fields.text('model_type')
  // Where `model_type` is missing, the class that saved the model says it.
  const classes = fields.optional('architectures')
  if (Array.isArray(classes)) {
    const known = HUGGING_FACE.find(({ className }) => classes.includes(className))
    if (known) return known.modelType
  }
  if (fields.optional('ssm_cfg') !== undefined) return undefined
  throw new ConfigError('the configuration does not say what kind of model it is', {
    where: fields.at('model_type'),
    expected: 'model_type, architectures or ssm_cfg',
  })
}

/** The tokens of a tokenizer that have a meaning of their own. */
export interface SpecialTokens {
  readonly begin: number | undefined
  readonly end: readonly number[]
  readonly pad: number | undefined
}
const NO_TOKENS: SpecialTokens = { begin: undefined, end: [], pad: undefined }

/** The layout that a model of this configuration is saved in, and the keys of config.json that say so. */
export function chooseLayout(config: ModelConfig): { readonly json: Json; readonly layout: Layout } {
  for (const published of HUGGING_FACE) {
    const { className, modelType: type } = published
    const keys = published.write(config)
    if (keys) {
      const json = { architectures: [className], model_type: type, ...keys }
      return { json, layout: published.layout(config) }
    }
  }
  // Checked, and with its keys in one order, however it came to be.
  return {
    json: { model_type: 'sidewinder', sidewinder: readModelConfig(config, 'model') },
    layout: ownLayout,
  }
}

/**
 * The text of config.json: transformers' own keys where it has the architecture, ours otherwise. Tokens that
 * there are not are null: transformers would take ids of its own for keys that are absent.
 */
export function configText(config: ModelConfig, { begin, end, pad } = NO_TOKENS): string {
  const json = {
    ...chooseLayout(config).json,
    bos_token_id: begin ?? null,
    eos_token_id: end.length > 1 ? end : (end[0] ?? null),
    pad_token_id: pad ?? null,
  }
  const text = JSON.stringify(json, mark, 2)
  return `${text.replaceAll(/"float (\d+)"/g, '$1.0')}\n`
}

/**
 * What a value becomes as text. JSON would write 1 for a float that is 1: it becomes `float 1`, and that
 * becomes 1.0. Infinity, which JSON does not have, is spelled as transformers does.
 */
function mark(_key: string, value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY) return { __float__: 'Infinity' }
  if (!(value instanceof Float)) return value
  return Number.isInteger(value.value) ? `float ${value.value}` : mark('', value.value)
}
