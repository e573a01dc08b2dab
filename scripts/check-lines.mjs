// What the formatter leaves alone: comments end at 110 characters, files at 300 lines.
// npm run lint:lines; with --fix, it wraps comments.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const WIDTH = 110
const LINES = 300

/**
 * A line that is a comment and nothing else: its indentation, its mark, and the space and the text after the
 * mark.
 */
const COMMENT = /^(\s*)(\/\/|\/\*\*|\*(?!\/))(\s*)(.*)$/
/** What begins an item or a line that stands for itself: a list, a tag, a table, a heading. */
const ITEM = /^(?:[-*|@#]|\d+[.)]\s)/

/** Files of the repository, those too that are not committed yet. */
function sources() {
  const patterns = ['*.ts', '*.mjs', '*.js']
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate', ...patterns]
  const deleted = new Set(listOf(['ls-files', '-z', '--deleted']))
  return listOf(args).filter((path) => !deleted.has(path) && !path.startsWith('test/fixtures/'))
}

/** @param {string[]} args */
const listOf = (args) => execFileSync('git', args, { encoding: 'utf8' }).split('\0').filter(Boolean)

/**
 * @param {string} path
 * @param {string} text
 * @returns {string[]}
 */
export function faultsOf(path, text) {
  const lines = text.replace(/\n$/, '').split('\n')
  const faults = lines.flatMap((line, i) => {
    const long = line.length > WIDTH && (COMMENT.test(line) || /\s\/\/ /.test(line.slice(0, WIDTH)))
    // A single word, an address as a rule, cannot be wrapped.
    const words = long ? (COMMENT.exec(line)?.[4].split(' ').length ?? 2) : 0
    return words > 1
      ? [`${path}:${i + 1}: the comment is ${line.length} characters wide, at most ${WIDTH}`]
      : []
  })
  if (lines.length > LINES) faults.push(`${path}: ${lines.length} lines, at most ${LINES}: split the file`)
  return faults
}

/**
 * Wraps comments that are too wide. What does not fit goes to the front of the next line of the same
 * paragraph.
 * @param {string} text
 */
export function wrapComments(text) {
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    if (lines[i].length <= WIDTH) continue
    const match = COMMENT.exec(lines[i])
    if (!match) continue
    const [, indent, mark, space, words] = match
    if (mark === '/**' && words.endsWith('*/')) {
      // One line becomes a block.
      const block = [`${indent}/**`, `${indent} * ${words.slice(0, -2).trimEnd()}`, `${indent} */`]
      lines.splice(i, 1, ...block)
      continue
    }
    const start = indent.length + mark.length + space.length
    const at = lines[i].lastIndexOf(' ', WIDTH)
    if (at <= start) continue
    const rest = lines[i].slice(at + 1)
    lines[i] = lines[i].slice(0, at)
    const nextMark = mark === '/**' ? '*' : mark
    const prefix = mark === '/**' ? `${indent} * ` : `${indent}${mark}${space}`
    const next = COMMENT.exec(lines[i + 1] ?? '')
    const goesOn = next?.[2] === nextMark && next[4] !== '' && !ITEM.test(next[4])
    if (goesOn && next) lines[i + 1] = `${next[1]}${next[2]}${next[3]}${rest} ${next[4]}`
    else lines.splice(i + 1, 0, `${prefix}${ITEM.test(words) ? '  ' : ''}${rest}`)
  }
  return lines.join('\n')
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const fix = process.argv.includes('--fix')
  const faults = sources().flatMap((path) => {
    const text = readFileSync(path, 'utf8')
    const wrapped = fix ? wrapComments(text) : text
    if (wrapped !== text) writeFileSync(path, wrapped)
    return faultsOf(path, wrapped)
  })
  for (const fault of faults) console.log(fault)
  process.exitCode = faults.length === 0 ? 0 : 1
}
