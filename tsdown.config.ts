import { defineConfig } from 'tsdown'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    train: 'src/train.ts',
    tasks: 'src/tasks.ts',
    nn: 'src/nn.ts',
    ops: 'src/ops.ts',
    checkpoints: 'src/checkpoints.ts',
    cli: 'src/cli/main.ts',
  },
  format: 'esm',
  target: 'es2023',
  platform: 'neutral',
  deps: { neverBundle: [/^node:/] },
  dts: true,
  // Pages import dist as it is: it must not name packages that only a bundler finds.
  noExternal: ['valibot', /^@noble\/hashes/, '@huggingface/tokenizers', '@huggingface/jinja'],
  fixedExtension: false,
})
