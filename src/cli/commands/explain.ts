import { SidewinderError } from '../../errors.ts'
import { stderrColors } from '../terminal/terminal.ts'

/**
 * What people read of an error, in lines: one message for those thrown on purpose; a stack for all others, or
 * if asked for.
 */
export function explain(error: unknown, verbose: boolean): string[] {
  const title = stderrColors.red('error:')
  if (!(error instanceof Error)) return [`${title} ${String(error)}`]
  const planned = error instanceof SidewinderError
  if (planned && !verbose) return [`${title} ${error.message}`]
  const lines = `${title} ${withCauses(error)}`.split('\n')
  const advice = 'This is a fault of Sidewinder. Please report it with the lines above.'
  return planned || verbose ? lines : [...lines, advice]
}

function withCauses(error: Error): string {
  const stack = error.stack ?? error.message
  return error.cause instanceof Error ? `${stack}\ncaused by: ${withCauses(error.cause)}` : stack
}
