/**
 * All that goes to standard output and standard error. Names, values and messages may come from files: a
 * terminal must not obey what stands in them. Colours only where they are seen; NO_COLOR and FORCE_COLOR are
 * heeded.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import pc from 'picocolors'

/** What begins a colour of ours. No file can have it: it is drawn for each process. */
const MARK = `\u{f0000}${randomUUID()}`
const COLOURS = new RegExp(`${MARK}(\\d+)m`, 'gu')

const lit = (text: string): string => text.replaceAll(COLOURS, '\x1b[$1m')

/** Control, format and line characters, and half surrogate pairs. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
/** Of those, what no text needs: a tab, the end of a line and the joiners of letters are left out. */
const UNSAFE = /\r(?!\n)|(?![\t\n\r])\p{Cc}|[\u2028-\u202e\u2066-\u2069\p{Cs}]/gu

/** As JSON has it, so that JSON stays what it is. */
const escaped = (text: string): string =>
  text
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')

/** A line of ours, with whatever stands in it: only its colours are more than letters. */
export const shown = (line: string): string =>
  line
    .split(COLOURS)
    .map((part, i) => (i % 2 === 1 ? `\x1b[${part}m` : part.replaceAll(UNSEEN, escaped)))
    .join('')

/** Text of a model or of data as a terminal may have it: with its lines, and nothing to be obeyed. */
export const shownText = (text: string): string => text.replaceAll(UNSAFE, escaped)

const forced = pc.isColorSupported && Boolean(process.env['FORCE_COLOR'])

function colorsFor(stream: NodeJS.WriteStream) {
  const enabled = pc.isColorSupported && (stream.isTTY || forced)
  const paint =
    (open: number, close: number) =>
    (text: string): string =>
      enabled ? `${MARK}${open}m${text}${MARK}${close}m` : text
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
  }
}

export const stdoutColors = colorsFor(process.stdout)
export const stderrColors = colorsFor(process.stderr)

const linesOf = (lines: readonly string[]): string => lines.map((line) => `${shown(line)}\n`).join('')

/** Lines on standard output. */
export const print = (lines: readonly string[]): void => void process.stdout.write(linesOf(lines))

/** Lines on standard error. */
export const tell = (lines: readonly string[]): void => void process.stderr.write(linesOf(lines))

/** Text of a model or of data on standard output: safe on a terminal, as it is elsewhere. */
export async function printText(text: string, paint = (plain: string): string => plain): Promise<void> {
  const { isTTY } = process.stdout
  if (!process.stdout.write(isTTY ? lit(paint(shownText(text))) : text)) {
    // What keeps it from being written ends the command elsewhere.
    await once(process.stdout, 'drain').catch(() => undefined)
  }
}

/** One line of standard error that is written anew each time, on a terminal; without a text it goes away. */
export function showStatus(text = ''): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${shown(stderrColors.dim(text))}`)
}
