/** Colours only where they are seen; NO_COLOR and FORCE_COLOR are heeded. */
import pc from 'picocolors'

const forced = pc.isColorSupported && Boolean(process.env['FORCE_COLOR'])
const colorsFor = (stream: NodeJS.WriteStream) =>
  pc.createColors(pc.isColorSupported && (stream.isTTY || forced))

export const stdoutColors = colorsFor(process.stdout)
export const stderrColors = colorsFor(process.stderr)

export const print = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`)
