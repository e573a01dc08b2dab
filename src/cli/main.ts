#!/usr/bin/env node
import { Command } from 'commander'
import { version } from '../../package.json'

const program = new Command('sidewinder')
  .description('Train and run Mamba models on WebGPU and WebAssembly')
  .version(version)

await program.parseAsync()
