import { defineConfig } from 'tsdown'

export default defineConfig({
  entry: {
    index: 'src/entries/index.ts',
    train: 'src/entries/train.ts',
    tasks: 'src/entries/tasks.ts',
    nn: 'src/entries/nn.ts',
    ops: 'src/entries/ops.ts',
    checkpoints: 'src/entries/checkpoints.ts',
    cli: 'src/cli/main.ts',
  },
  format: 'esm',
  target: 'es2023',
  platform: 'neutral',
  deps: { neverBundle: [/^node:/] },
  dts: true,
  // Our `[Symbol.dispose]` must be known to users whose `lib` does not name it.
  banner: { dts: '/// <reference lib="esnext.disposable" />' },
  // Pages import dist as it is: it must not name packages that only a bundler finds.
  noExternal: ['valibot', /^@noble\/hashes/, '@huggingface/tokenizers', '@huggingface/jinja'],
  fixedExtension: false,
})
