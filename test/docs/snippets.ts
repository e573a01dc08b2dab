/** The code in Markdown files, as modules: so that what a reader copies compiles and runs. */
import type { Command } from 'commander'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'
import packageJson from '../../package.json' with { type: 'json' }

/** A fenced block of code. */
export interface Fence {
  /** What stands behind the three backticks, in words: the language first. */
  readonly info: readonly string[]
  /** Line of its first line of code in the file, from 0. */
  readonly line: number
  readonly lines: readonly string[]
}

/** Snippets that make one module: one, and those behind it that are marked `continues`. */
export interface Module {
  readonly file: string
  /** Code on the same lines as in the Markdown file, so that errors name them. */
  readonly code: string
  /** Line of the first snippet, from 1. */
  readonly line: number
  readonly runs: boolean
  /** Where tests write it. */
  readonly path: string
}

const FOLDER = '.cache/snippets'

function fencesOf(markdown: string): Fence[] {
  const fences: Fence[] = []
  let open: { info: string[]; line: number; lines: string[] } | undefined
  for (const [i, line] of markdown.split('\n').entries()) {
    const fence = /^```(.*)$/.exec(line)
    if (!fence) open?.lines.push(line)
    else if (open) {
      fences.push(open)
      open = undefined
    } else open = { info: fence[1].trim().split(/\s+/), line: i + 1, lines: [] }
  }
  if (open) throw new Error(`a block of code is not closed, line ${open.line}`)
  return fences
}

interface Draft {
  readonly file: string
  readonly line: number
  readonly lines: string[]
  /** Where a reader saves it, if a guide says so. */
  readonly place: string | undefined
  runs: boolean
}

/**
 * The TypeScript of a Markdown file. ```` ```ts ```` begins a module; `continues` goes on with the one
 * before; `no-run` says that it needs a download, a browser or a terminal, and is only compiled. A path says
 * that a guide has the reader save it there: its relative imports are meant from there, and other snippets of
 * the page may import it.
 */
export function modulesOf(file: string, markdown: string): Module[] {
  const drafts: Draft[] = []
  for (const { info, line, lines } of fencesOf(markdown)) {
    const [language, ...marks] = info
    if (language !== 'ts') continue
    const place = marks.find((mark) => mark.includes('/'))
    const unknown = marks.find((mark) => !['continues', 'no-run', place].includes(mark))
    if (unknown) throw new Error(`${file}:${line}: no such mark: ${unknown}`)
    if (!marks.includes('continues')) drafts.push({ file, lines: [], line, place, runs: !place })
    const draft = drafts.at(-1)
    if (!draft) throw new Error(`${file}:${line}: nothing to continue`)
    if (marks.includes('no-run')) draft.runs = false
    while (draft.lines.length < line) draft.lines.push('')
    draft.lines.push(...lines)
  }
  const pathOf = ({ line }: Draft): string => `${FOLDER}/${file.replaceAll(/\W/g, '-')}-${line}.ts`
  const made = new Map(
    drafts.flatMap((draft) => (draft.place ? [[draft.place, pathOf(draft)] as const] : [])),
  )
  return drafts.map((draft) => {
    const from = draft.place === undefined ? '.' : dirname(draft.place)
    const code = `${draft.lines.join('\n')}\nexport {}\n`.replaceAll(
      /from '(\.[^']+)'/g,
      (_, specifier: string) => {
        const wanted = join(from, specifier)
        return `from './${relative(FOLDER, made.get(wanted) ?? wanted)}'`
      },
    )
    return { file, code, line: draft.line, runs: draft.runs, path: pathOf(draft) }
  })
}

/** What the code says will be printed: the comments `// → text`. */
export function expectedOutput(code: string): string[] {
  return [...code.matchAll(/\/\/ → (.+)$/gm)].map(([, text]) => text.trim())
}

/** Imports of what the package does not export. */
export function unknownImports(code: string): string[] {
  const specifiers = [...code.matchAll(/(?:from |import\()'(sidewinder[^']*)'/g)].map(
    ([, specifier]) => specifier,
  )
  return specifiers.filter((specifier) => !(specifier.replace('sidewinder', '.') in packageJson.exports))
}

/** What the compiler says about the files: `name:line:column message`. */
export async function typeErrors(files: readonly string[]): Promise<string[]> {
  const { config } = ts.parseConfigFileTextToJson('tsconfig.json', await readFile('tsconfig.json', 'utf8'))
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, '.')
  const program = ts.createProgram([...files], { ...options, noUnusedLocals: false })
  // Asking for these files alone checks them and what they use of the library, not the whole library.
  return files.flatMap((file) => {
    const source = program.getSourceFile(file)!
    const all = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    return all.map(({ messageText, start = 0 }) => {
      const { line, character } = source.getLineAndCharacterOfPosition(start)
      return `${file}:${line + 1}:${character + 1} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    })
  })
}

/**
 * The commands in blocks of shell, with their lines: comments are left away, lines that end in \ are joined.
 */
export function commandsOf(markdown: string): { readonly line: number; readonly words: readonly string[] }[] {
  return fencesOf(markdown)
    .filter(({ info: [language] }) => language === 'sh')
    .flatMap(({ line, lines }) => lines.map((text, i) => ({ line: line + i + 1, text })))
    .map(({ line, text }) => ({
      line,
      words: text.replace(/(^|\s)#.*$/, '').match(/"[^"]*"|'[^']*'|\S+/g) ?? [],
    }))
    .filter(({ words }) => words.length > 0)
}

/**
 * Why a command cannot be meant, if so: a subcommand or flag that there is not, a script or file that is not
 * there.
 */
export function faultOf(words: readonly string[], program: Command): string | undefined {
  const [tool, ...rest] = words[0] === 'npx' ? words.slice(1) : words
  if (tool === 'sidewinder') return flagFault(rest, program)
  if (tool === 'npm' && rest[0] === 'run') {
    const script = rest.slice(1).find((word) => !word.startsWith('-'))!
    return script in packageJson.scripts ? undefined : `no script ${script}`
  }
  const missing = words.find(
    (word) => /^(src|test|bench|scripts|examples)\/.+\.\w+$/.test(word) && !existsSync(word),
  )
  return missing === undefined ? undefined : `no file ${missing}`
}

function flagFault(words: readonly string[], program: Command): string | undefined {
  let command = program
  const flags = [...program.options]
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word)
    if (!next && command.commands.length > 0 && !word.startsWith('-')) return `no command ${word}`
    if (next) {
      command = next
      flags.push(...next.options)
    }
    const flag = /^-{1,2}[a-z][\w-]*/.exec(word)?.[0]
    if (flag && !flags.some(({ long, short }) => flag === long || flag === short)) return `no flag ${flag}`
  }
  return command.commands.length > 0 ? 'no command' : undefined
}
