import { loadModel, openDevice, version, ConfigError, type LoadOptions } from 'sidewinder'
import { createModel, cosine, randomWindows, Trainer } from 'sidewinder/train'
import { defineTask, classify } from 'sidewinder/tasks'
import { Linear, Mamba2, place } from 'sidewinder/nn'
import * as ops from 'sidewinder/ops'
import { openCheckpoint, readSafetensors } from 'sidewinder/checkpoints'
import { loadModel as loadWhole } from 'sidewinder/whole'

export const all = {
  openDevice,
  version,
  ConfigError,
  createModel,
  cosine,
  randomWindows,
  Trainer,
  defineTask,
  classify,
  Linear,
  Mamba2,
  place,
  ops,
  openCheckpoint,
  readSafetensors,
}
const options: LoadOptions = { device: 'wasm', weights: 'q8' }
const model = await loadModel('a/b', options)
const whole: typeof model = await loadWhole('a/b', options)
for await (const text of whole.session().generate('x', { maxTokens: 1 })) console.log(text)
