/** Names of sets of code points in patterns: `\p{…}`, `[:…:]`, `\w` and its like. */
import { matching, type CodePoints } from './code-points.ts'

const WORD = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]'

/** What letters behind a backslash stand for; capitals stand for all others. */
export const ESCAPED_SETS: ReadonlyMap<string, string> = new Map([
  // Oniguruma counts these numbers as parts of words, but not within brackets.
  ['w', '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u00B2\\u00B3\\u00B9\\u00BC-\\u00BE]'],
  ['d', '\\p{Nd}'],
  ['s', '\\p{White_Space}'],
  ['h', '[0-9A-Fa-f]'],
])

/** Names within `[:…:]`. */
const BRACKETED: ReadonlyMap<string, string> = new Map([
  ['alnum', '[\\p{Alphabetic}\\p{Nd}]'],
  ['alpha', '\\p{Alphabetic}'],
  ['ascii', '[\\0-\\x7F]'],
  ['blank', '[\\t\\p{Zs}]'],
  ['cntrl', '\\p{Cc}'],
  ['digit', '\\p{Nd}'],
  ['graph', '[^\\p{White_Space}\\p{Cc}\\p{Cn}\\p{Cs}]'],
  ['lower', '\\p{Lowercase}'],
  ['print', '[^\\p{Zl}\\p{Zp}\\p{Cc}\\p{Cn}\\p{Cs}]'],
  ['punct', '[\\p{P}\\p{S}]'],
  ['space', '\\p{White_Space}'],
  ['upper', '\\p{Uppercase}'],
  ['word', WORD],
  ['xdigit', '[0-9A-Fa-f]'],
])

/** Names within `\p{…}` that mean something else than in brackets, or that JavaScript lacks. */
const NAMED: ReadonlyMap<string, string> = new Map([
  ['any', '[\\0-\\u{10FFFF}]'],
  ['print', '[^\\p{Cc}\\p{Cn}\\p{Cs}]'],
  ['punct', '\\p{P}'],
  ['posixpunct', '[\\p{P}\\p{S}]'],
  ['word', ESCAPED_SETS.get('w')!],
])

const CATEGORIES =
  'C Cc Cf Cn Co L LC Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs ' +
  'Other Control Format Unassigned Private_Use Letter Cased_Letter Lowercase_Letter Modifier_Letter ' +
  'Other_Letter Titlecase_Letter Uppercase_Letter Mark Spacing_Mark Enclosing_Mark Nonspacing_Mark Number ' +
  'Decimal_Number Letter_Number Other_Number Punctuation Connector_Punctuation Dash_Punctuation ' +
  'Close_Punctuation Final_Punctuation Initial_Punctuation Other_Punctuation Open_Punctuation Symbol ' +
  'Currency_Symbol Modifier_Symbol Math_Symbol Other_Symbol Separator Line_Separator Paragraph_Separator ' +
  'Space_Separator Alphabetic White_Space Lowercase Uppercase Emoji Emoji_Presentation Emoji_Modifier ' +
  'Emoji_Modifier_Base Emoji_Component Extended_Pictographic Ideographic Dash Hex_Digit ASCII_Hex_Digit ' +
  'Diacritic ID_Start ID_Continue XID_Start XID_Continue Math Cased Case_Ignorable Variation_Selector ' +
  'Unified_Ideograph Noncharacter_Code_Point Join_Control Regional_Indicator Radical Quotation_Mark Extender'
const SCRIPTS =
  'Arabic Armenian Bengali Bopomofo Braille Cherokee Common Coptic Cyrillic Devanagari Ethiopic Georgian Gothic ' +
  'Greek Gujarati Gurmukhi Han Hangul Hebrew Hiragana Inherited Kannada Katakana Khmer Lao Latin Malayalam ' +
  'Mongolian Myanmar Ogham Oriya Runic Sinhala Syriac Tamil Telugu Thaana Thai Tibetan Yi'
const SHORT_SCRIPTS: Readonly<Record<string, string>> = {
  arab: 'Arabic',
  armn: 'Armenian',
  beng: 'Bengali',
  cyrl: 'Cyrillic',
  deva: 'Devanagari',
  grek: 'Greek',
  hang: 'Hangul',
  hani: 'Han',
  hebr: 'Hebrew',
  hira: 'Hiragana',
  kana: 'Katakana',
  latn: 'Latin',
  qaai: 'Inherited',
  zinh: 'Inherited',
  zyyy: 'Common',
}

const loose = (name: string): string => name.toLowerCase().replaceAll(/[\s_-]/g, '')

const SOURCES: ReadonlyMap<string, string> = new Map([
  ...[
    ...SCRIPTS.split(' ').map((name) => [loose(name), name] as const),
    ...Object.entries(SHORT_SCRIPTS),
  ].map(([key, name]) => [key, `\\p{Script=${name}}`] as const),
  ...CATEGORIES.split(' ').map((name) => [loose(name), `\\p{${name}}`] as const),
  ...BRACKETED,
  ...NAMED,
])

/** The set that `\p{name}` stands for; undefined if the name is not known. */
export function propertyNamed(name: string): CodePoints | undefined {
  const source = SOURCES.get(loose(name))
  return source === undefined ? undefined : matching(source)
}

/** The set that `[:name:]` stands for. */
export function bracketNamed(name: string): CodePoints | undefined {
  const source = BRACKETED.get(name)
  return source === undefined ? undefined : matching(source)
}

/** `\w`, `\d`, `\s`, `\h`; within brackets `\w` is another. */
export const escapedSet = (letter: string, bracketed: boolean): CodePoints =>
  matching(bracketed && letter === 'w' ? WORD : ESCAPED_SETS.get(letter)!)
