import { Command, CommanderError } from 'commander'
import { version } from '../../package.json'
import { addBench } from './commands/bench.ts'
import { addChat } from './commands/chat.ts'
import { addConvert } from './commands/convert.ts'
import { addEvaluate } from './commands/evaluate.ts'
import { explain } from './commands/explain.ts'
import { addGenerate } from './commands/generate.ts'
import { addInspect } from './commands/inspect.ts'
import { addPredict } from './commands/predict.ts'
import { addScore } from './commands/score.ts'
import { interruption } from './terminal/interrupt.ts'
import { shown, stderrColors, tell } from './terminal/terminal.ts'
import { addTrain } from './commands/train.ts'

/** Exit code for commands that were not understood. */
const MISUSED = 2

/** Runs one command line; resolves to the exit code. Never rejects. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  interruption.listen()
  let exitCode = 0
  const program = createProgram((code) => (exitCode = code))
  try {
    await program.parseAsync(argv)
    return interruption.code ?? exitCode
  } catch (error) {
    if (interruption.code !== undefined && error === interruption.signal.reason) return interruption.code
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : MISUSED
    const verbose = program.opts<{ verbose?: boolean }>().verbose === true || Boolean(process.env['DEBUG'])
    tell(explain(error, verbose))
    return 1
  } finally {
    interruption.release()
  }
}

/** The command line: what `sidewinder` understands. */
export function createProgram(exit: (code: number) => void): Command {
  const program = new Command('sidewinder')
    .description('Train and run Mamba models on WebGPU and WebAssembly')
    .version(version)
    .option('--verbose', 'print stacks of errors')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(stderrColors.red(text).split('\n').map(shown).join('\n')),
    })
    .showHelpAfterError('(--help lists what there is)')
  addTrain(program, exit)
  addEvaluate(program)
  addPredict(program)
  addGenerate(program)
  addChat(program)
  addScore(program)
  addInspect(program)
  addConvert(program)
  addBench(program)
  return program
}
