/**
 * Keys of a published config.json that change nothing that is computed here: facts about the program that
 * wrote it, how values were drawn before training, which kernels are wanted, and defaults of generation.
 */
import { isJsonObject } from '../../checkpoints/json.ts'
import { someOf, type Warn } from '../../checkpoints/warn.ts'
import { ConfigError } from '../../errors.ts'
import type { Fields } from './fields.ts'

const words = (text: string): string[] => text.trim().split(/\s+/)

/** Of any configuration of transformers. */
const ANY = words(`
  architectures model_type transformers_version _name_or_path _commit_hash auto_map name_or_path
  torch_dtype dtype return_dict output_hidden_states output_attentions use_cache torchscript use_bfloat16
  tf_legacy_loss chunk_size_feed_forward is_decoder tie_encoder_decoder attn_implementation
  _attn_implementation_autoset layer_types finetuning_task id2label label2id num_labels problem_type
  tokenizer_class prefix task_specific_params bos_token_id eos_token_id pad_token_id sep_token_id
  decoder_start_token_id text_config decoder generator
`)
/** Values before training, kernels, and precision beyond f32. */
const TRAINING = words(`
  initializer_range initializer_cfg time_step_min time_step_max time_step_floor time_step_scale
  time_step_init_scheme rescale_prenorm_residual residual_in_fp32 fused_add_norm use_mambapy
  use_falcon_mambapy use_associative_scan use_mamba_kernels attention_dropout
`)
/** What transformers derives from others, or kept of the configuration that it converted. */
const DERIVED = words(`
  intermediate_size expand time_step_rank chunk_size d_inner d_model n_layer ssm_cfg
  pad_vocab_size_multiple num_experts_per_tok expert_layer_period expert_layer_offset output_router_logits
  router_aux_loss_coef max_position_embeddings num_logits_to_keep calc_logits_for_entire_prompt
`)
/** Of the original code, in `ssm_cfg` and beside it. */
const ORIGINAL = words(`
  dt_min dt_max dt_init dt_scale dt_init_floor use_fast_path conv_init A_init_range use_mem_eff_path
  sequence_parallel attn_cfg vocab_size layer
`)
const HARMLESS = new Set([...ANY, ...TRAINING, ...DERIVED, ...ORIGINAL])

/** Keys that change what is computed, and the values at which they do not. */
const ONLY: Readonly<Record<string, readonly unknown[]>> = {
  is_encoder_decoder: [false],
  add_cross_attention: [false],
  rms_norm: [true],
  mamba_inner_layernorms: [true],
  sliding_window: [],
  rope_scaling: [],
  rope_parameters: [],
  per_layer_config: [],
  pruned_heads: [],
  quantization: [],
  quantization_config: [],
  compression_config: [],
}

/** Keys that transformers does not hear either, and the value that agrees with what is computed. */
const AGREES: Readonly<Record<string, unknown>> = { norm_before_gate: false }

const isEmpty = (value: unknown): boolean =>
  (Array.isArray(value) && value.length === 0) || (isJsonObject(value) && Object.keys(value).length === 0)

/**
 * Refuses what changes the numbers and is not computed here. To be called before anything else is read, as
 * what is quantised has other shapes.
 *
 * @throws ConfigError naming key and value
 */
export function refuseUnsupported(fields: Fields): void {
  for (const [key, allowed] of Object.entries(ONLY)) {
    const value = fields.optional(key)
    if (value === undefined || isEmpty(value) || allowed.includes(value)) continue
    const quantised = key.startsWith('quantization') || key === 'compression_config'
    const method = isJsonObject(value) ? (value['quant_method'] ?? value['quant_algo']) : undefined
    const shown = typeof method === 'string' ? method : JSON.stringify(value).slice(0, 200)
    throw new ConfigError(quantised ? 'quantised weights of this kind are not read' : 'unsupported value', {
      where: fields.at(key),
      expected: allowed.length > 0 ? allowed.map((each) => JSON.stringify(each)).join(' or ') : 'nothing',
      found: shown,
      ...(quantised && { hint: 'Save the model with its full weights, or as GGUF' }),
    })
  }
}

/** Warns of the keys that nobody asked for and that are not known to be harmless. */
export function warnOfUnread(fields: Fields, warn: Warn): void {
  const agreed = new Set(Object.keys(AGREES).filter((key) => fields.optional(key) === AGREES[key]))
  const said = Object.keys(AGREES).filter((key) => fields.optional(key) !== undefined && !agreed.has(key))
  const unread = [...said, ...fields.unread().filter((path) => !HARMLESS.has(path.split('.').at(-1)!))]
  if (unread.length > 0) warn(`[${fields.where}] keys that are not heard here: ${someOf(unread, 10)}`)
}
