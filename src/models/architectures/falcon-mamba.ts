/** Falcon-Mamba (Zuo et al. 2024): Mamba with RMS norms without weights on delta, B and C. */
import { defineArchitecture } from '../architecture.ts'
import { BACKBONE, backboneLayout, Float, readBackbone } from '../layouts/hugging-face.ts'
import { isPlainLanguageModel, uniformLayer } from '../stack-config.ts'
import { mambaLayer, readMambaLayer, writeMambaKeys, type MambaLayer } from './mamba.ts'

/** transformers' default. */
const MIXER_EPS = 1e-6

export const falconMamba = defineArchitecture({
  type: 'falcon_mamba',
  layer: (options) => ({ ...mambaLayer(options), innerNorm: MIXER_EPS }),
  huggingFace: {
    modelType: 'falcon_mamba',
    className: 'FalconMambaForCausalLM',
    base: BACKBONE,
    layout: () => backboneLayout,
    read(fields) {
      const layer = { ...readMambaLayer(fields), innerNorm: fields.number('mixer_rms_eps', MIXER_EPS) }
      return readBackbone(fields, layer, true)
    },
    write(config) {
      const layer = uniformLayer<MambaLayer>(config, 'mamba')
      if (layer?.innerNorm === undefined || !isPlainLanguageModel(config)) return undefined
      const keys = writeMambaKeys(config, layer)
      return keys && { ...keys, mixer_rms_eps: new Float(layer.innerNorm) }
    },
  },
})
