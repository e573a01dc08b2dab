/** The table of architectures. A new one is a file beside this, and a line here. */
import type { Architecture } from '../architecture.ts'
import { falconMamba } from './falcon-mamba.ts'
import { jamba } from './jamba.ts'
import { mamba } from './mamba.ts'
import { mamba2 } from './mamba2.ts'
import { mamba2attn } from './mamba2attn.ts'
import { s4d } from './s4d.ts'
import { transformer } from './transformer.ts'

const TABLE = [mamba, mamba2, falconMamba, mamba2attn, jamba, s4d, transformer] as const

/** An entry with its exact type. */
export type Entry = (typeof TABLE)[number]

export const ARCHITECTURES: readonly Architecture[] = Object.freeze(TABLE)
