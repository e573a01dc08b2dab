/** Texts as Python has them: of code points, with its white space, and its way to write values. */

/** What Python's `str.isspace` and `\s` take, for a class in a regular expression. */
export const SPACES = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'

const SURROGATES = /[\ud800-\udfff]/

/** Whether some characters of a text may be two units. */
export const hasPairs = (text: string): boolean => SURROGATES.test(text)

/** The characters of a text, if they are not simply its units. */
export function charactersOf(text: string): readonly string[] | string {
  return SURROGATES.test(text) ? Array.from(text) : text
}

export function textLength(text: string): number {
  if (!SURROGATES.test(text)) return text.length
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    const next = unit >= 0xd8_00 && unit <= 0xdb_ff ? text.charCodeAt(i + 1) : 0
    if (next >= 0xdc_00 && next <= 0xdf_ff) i++
    length++
  }
  return length
}

export const joined = (characters: readonly string[] | string): string =>
  typeof characters === 'string' ? characters : characters.join('')

/** Parts up to this length are looked for as the engine does: it may compare all of one at each place. */
const SHORT = 32

/** Where a part is, or where it last is; below 0: nowhere (Knuth, Morris and Pratt 1977). */
export function findText(text: string, part: string, from = 0, last = false): number {
  if (part.length <= SHORT) return last ? text.lastIndexOf(part) : text.indexOf(part, from)
  if (part.length > text.length - from) return -1
  const borders = bordersOf(part)
  let found = -1
  for (let i = from, matched = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    while (matched > 0 && unit !== part.charCodeAt(matched)) matched = borders[matched - 1]
    if (unit === part.charCodeAt(matched)) matched++
    if (matched < part.length) continue
    found = i + 1 - matched
    if (!last) return found
    matched = borders[matched - 1]
  }
  return found
}

/** For each beginning of a text, the length of the longest that it also ends with. */
function bordersOf(text: string): Int32Array {
  const borders = new Int32Array(text.length)
  for (let i = 1, matched = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    while (matched > 0 && unit !== text.charCodeAt(matched)) matched = borders[matched - 1]
    if (unit === text.charCodeAt(matched)) matched++
    borders[i] = matched
  }
  return borders
}

/** Whether a comes before b (below 0), as the order of code points has it. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0
  const size = Math.min(a.length, b.length)
  for (let i = 0; i < size; i++) {
    if (a[i] === b[i]) continue
    // Pairs of surrogates are above all other units.
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    const [high, other] = [x >= 0xd8_00 && x <= 0xdf_ff, y >= 0xd8_00 && y <= 0xdf_ff]
    return high === other ? x - y : high ? 1 : -1
  }
  return a.length - b.length
}

const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}|\\/gu
const QUOTED: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** `repr` of a text. */
export function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'"
  const shown = text.replaceAll(HIDDEN, (character) => {
    const code = character.codePointAt(0)!
    const hex = code.toString(16)
    if (QUOTED[character] !== undefined) return QUOTED[character]
    if (code < 0x1_00) return `\\x${hex.padStart(2, '0')}`
    return code < 0x1_00_00 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
  })
  return mark + (mark === "'" ? shown.replaceAll("'", "\\'") : shown) + mark
}

/** `repr` of a float: the shortest digits, with an exponent from 1e16 on and below 1e-4. */
export function floatText(x: number): string {
  if (Number.isNaN(x)) return 'nan'
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf'
  if (x === 0) return Object.is(x, -0) ? '-0.0' : '0.0'
  const [mantissa, power] = x.toExponential().split('e')
  const exponent = Number(power)
  if (exponent < -4 || exponent >= 16) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  const digits = mantissa.replace(/[-.]/g, '')
  const sign = x < 0 ? '-' : ''
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`
}

/** `'%.nf' % x`: rounded to n digits, and halves to the even digit, as the binary number is exactly. */
export function fixedText(x: number, digits: number): string {
  if (!Number.isFinite(x)) return floatText(x)
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, x)
  const bits = view.getBigUint64(0)
  const exponent = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xf_ffff_ffff_ffffn
  const mantissa = (exponent === 0 ? fraction : fraction | 0x10_0000_0000_0000n) * 10n ** BigInt(digits)
  const shift = BigInt(Math.max(exponent, 1) - 1075)
  const rounded = shift >= 0n ? mantissa << shift : halfToEven(mantissa, -shift)
  const text = String(rounded).padStart(digits + 1, '0')
  const sign = bits >> 63n === 1n ? '-' : ''
  if (digits === 0) return sign + text
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`
}

/** number / 2^shift, rounded. */
function halfToEven(number: bigint, shift: bigint): bigint {
  const whole = number >> shift
  const rest = number - (whole << shift)
  const half = 1n << (shift - 1n)
  return rest > half || (rest === half && whole % 2n === 1n) ? whole + 1n : whole
}
