/** Numbers as people read them. */

/** 1234567 → 1.23 M */
export function short(value: number): string {
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (value >= size) return `${(value / size).toPrecision(3)} ${unit}`
  }
  return String(Math.round(value))
}

export const bytes = (value: number): string => `${short(value)}${value >= 1000 ? 'B' : ' bytes'}`

const two = (value: number): string => String(value).padStart(2, '0')

/** Seconds → 0:07, 12:34, 1:02:03 */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

/** What a shell takes as one word. */
export const quoted = (word: string): string =>
  /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
