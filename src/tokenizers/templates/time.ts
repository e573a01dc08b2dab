/** `datetime.now().strftime(format)` of Python, in the locale C and in local time. */
import { Fault } from './budget.ts'

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

const padded = (value: number, size = 2): string => String(value).padStart(size, '0')
const short = (name: string): string => name.slice(0, 3)
const hour = (now: Date): number => now.getHours() % 12 || 12
const DAY = 24 * 60 * 60 * 1000
/** Days since the beginning of time, whatever the clocks do in between. */
const dayNumber = (year: number, month: number, day: number): number => Date.UTC(year, month, day) / DAY
const dayOfYear = (now: Date): number =>
  dayNumber(now.getFullYear(), now.getMonth(), now.getDate()) - dayNumber(now.getFullYear(), 0, 1)

/** The year and the week of ISO 8601: the week of a Thursday. */
function isoWeek(now: Date): readonly [year: number, week: number] {
  const day = dayNumber(now.getFullYear(), now.getMonth(), now.getDate())
  const thursday = new Date((day + 3 - ((now.getDay() + 6) % 7)) * DAY)
  const year = thursday.getUTCFullYear()
  return [year, Math.floor((thursday.getTime() / DAY - dayNumber(year, 0, 1)) / 7) + 1]
}

const DIRECTIVES: Readonly<Record<string, (now: Date) => string>> = {
  a: (now) => short(DAYS[now.getDay()]),
  A: (now) => DAYS[now.getDay()],
  b: (now) => short(MONTHS[now.getMonth()]),
  B: (now) => MONTHS[now.getMonth()],
  c: (now) => timeText(now, '%a %b %e %H:%M:%S %Y'),
  C: (now) => padded(Math.floor(now.getFullYear() / 100)),
  d: (now) => padded(now.getDate()),
  D: (now) => timeText(now, '%m/%d/%y'),
  e: (now) => String(now.getDate()).padStart(2),
  f: (now) => padded(now.getMilliseconds() * 1000, 6),
  F: (now) => timeText(now, '%Y-%m-%d'),
  g: (now) => padded(isoWeek(now)[0] % 100),
  G: (now) => String(isoWeek(now)[0]),
  h: (now) => short(MONTHS[now.getMonth()]),
  H: (now) => padded(now.getHours()),
  I: (now) => padded(hour(now)),
  j: (now) => padded(dayOfYear(now) + 1, 3),
  k: (now) => String(now.getHours()).padStart(2),
  l: (now) => String(hour(now)).padStart(2),
  m: (now) => padded(now.getMonth() + 1),
  M: (now) => padded(now.getMinutes()),
  n: () => '\n',
  p: (now) => (now.getHours() < 12 ? 'AM' : 'PM'),
  P: (now) => (now.getHours() < 12 ? 'am' : 'pm'),
  r: (now) => timeText(now, '%I:%M:%S %p'),
  R: (now) => timeText(now, '%H:%M'),
  s: (now) => String(Math.floor(now.getTime() / 1000)),
  S: (now) => padded(now.getSeconds()),
  t: () => '\t',
  T: (now) => timeText(now, '%H:%M:%S'),
  u: (now) => String(now.getDay() || 7),
  U: (now) => padded(Math.floor((dayOfYear(now) + 7 - now.getDay()) / 7)),
  V: (now) => padded(isoWeek(now)[1]),
  w: (now) => String(now.getDay()),
  W: (now) => padded(Math.floor((dayOfYear(now) + 7 - ((now.getDay() + 6) % 7)) / 7)),
  x: (now) => timeText(now, '%m/%d/%y'),
  X: (now) => timeText(now, '%H:%M:%S'),
  y: (now) => padded(now.getFullYear() % 100),
  Y: (now) => String(now.getFullYear()),
  // The time of `now()` has no zone.
  z: () => '',
  Z: () => '',
  '%': () => '%',
}

/** With `-`, numbers without what fills them up, as on Linux and macOS. Throws Fault for other directives. */
export function timeText(now: Date, format: string): string {
  return format.replaceAll(/%(-?)([\s\S]?)/g, (whole, plain: string, directive: string) => {
    const text = Object.hasOwn(DIRECTIVES, directive) ? DIRECTIVES[directive](now) : undefined
    if (text === undefined) throw new Fault(`strftime_now: there is no directive ${whole}`)
    return plain === '-' && /^[ 0]*\d+$/.test(text) ? text.replace(/^[ 0]+(?=\d)/, '') : text
  })
}
