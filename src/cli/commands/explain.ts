import { SidewinderError } from '../../errors.ts'
import { stderrColors } from '../terminal/terminal.ts'

/**
 * What people read of an error: one message for those thrown on purpose; a stack for all others, or if asked
 * for.
 */
export function explain(error: unknown, verbose: boolean): string {
  if (!(error instanceof Error)) return `${stderrColors.red('error:')} ${String(error)}\n`
  const planned = error instanceof SidewinderError
  const text = planned && !verbose ? error.message : withCauses(error)
  const advice =
    planned || verbose ? '' : '\nThis is a fault of Sidewinder. Please report it with the lines above.'
  return `${stderrColors.red('error:')} ${text}${advice}\n`
}

function withCauses(error: Error): string {
  const stack = error.stack ?? error.message
  return error.cause instanceof Error ? `${stack}\ncaused by: ${withCauses(error.cause)}` : stack
}
