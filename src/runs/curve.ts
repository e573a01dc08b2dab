import type { LossUnit } from '../tasks/task.ts'
import type { Metric } from './metrics.ts'

const WIDTH = 720
const HEIGHT = 400
const MARGIN = { left: 56, right: 16, top: 40, bottom: 44 }
const TRAINING = '#8fb3d9'
const VALIDATION = '#c0392b'

type Point = readonly [x: number, y: number]

/** Training and validation loss against steps, as an SVG. */
export function lossCurve(metrics: readonly Metric[], title: string, unit: LossUnit): string {
  const series = (key: 'loss' | 'validation'): Point[] =>
    metrics.flatMap((metric) =>
      metric[key] === undefined ? [] : [[metric.step, metric[key] * unit.scale] as const],
    )
  const training = thin(series('loss'))
  const validation = series('validation')
  const all = [...training, ...validation]
  const maxX = Math.max(1, ...all.map(([x]) => x))
  // The first steps are far above the rest: the axis ends where a twentieth of the points is left out.
  const heights = all.map(([, y]) => y).toSorted((a, b) => a - b)
  const top = niceCeil(heights[Math.floor(heights.length * 0.95)] ?? 1)
  const bottom = Math.floor((heights[0] ?? 0) * 4) / 4
  const toX = (x: number): number => MARGIN.left + ((WIDTH - MARGIN.left - MARGIN.right) * x) / maxX
  const toY = (y: number): number => {
    const part = (y - bottom) / Math.max(top - bottom, 1e-9)
    return HEIGHT - MARGIN.bottom - (HEIGHT - MARGIN.top - MARGIN.bottom) * part
  }
  const dots = (points: readonly Point[], color: string): string =>
    points
      .map(([x, y]) => `<circle cx="${fixed(toX(x))}" cy="${fixed(toY(y))}" r="3" fill="${color}"/>`)
      .join('')
  const line = (points: readonly Point[], color: string): string =>
    `<polyline fill="none" stroke="${color}" stroke-width="1.5" points="${points
      .map(([x, y]) => `${fixed(toX(x))},${fixed(toY(y))}`)
      .join(' ')}"/>`
  const ticksY = ticks(bottom, top, 6).map(
    (y) =>
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${fixed(toY(y))}" y2="${fixed(toY(y))}" stroke="#e4e4e4"/>` +
      `<text x="${MARGIN.left - 8}" y="${fixed(toY(y) + 4)}" text-anchor="end">${trim(y)}</text>`,
  )
  const ticksX = ticks(0, maxX, 6).map(
    (x) =>
      `<text x="${fixed(toX(x))}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${trim(x)}</text>`,
  )
  const legend =
    `<text x="${WIDTH - MARGIN.right}" y="24" text-anchor="end">` +
    `<tspan fill="${TRAINING}">training</tspan><tspan dx="12" fill="${VALIDATION}">validation</tspan></text>`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="14" font-weight="bold">${escape(title)}</text>`,
    legend,
    ...ticksY,
    ...ticksX,
    `<text x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">step</text>`,
    `<text transform="translate(14 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">${escape(unit.title)}</text>`,
    `<clipPath id="plot"><rect x="${MARGIN.left}" y="${MARGIN.top}" width="${WIDTH - MARGIN.left}" height="${HEIGHT - MARGIN.top - MARGIN.bottom}"/></clipPath>`,
    '<g clip-path="url(#plot)">',
    line(training, TRAINING),
    training.length > 1 ? '' : dots(training, TRAINING),
    line(validation, VALIDATION),
    dots(validation, VALIDATION),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/** At most 300 points, each the mean of its neighbours. */
function thin(points: readonly Point[]): Point[] {
  const size = Math.ceil(points.length / 300)
  if (size <= 1) return [...points]
  const means: Point[] = []
  for (let i = 0; i < points.length; i += size) {
    const part = points.slice(i, i + size)
    means.push([part.at(-1)![0], part.reduce((sum, [, y]) => sum + y, 0) / part.length])
  }
  return means
}

/** Round numbers from low to high, about `count` of them. */
function ticks(low: number, high: number, count: number): number[] {
  const rough = Math.max(high - low, 1e-9) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough
  const first = Math.ceil(low / step)
  const size = Math.floor((high - first * step) / step + 1e-6) + 1
  return Array.from({ length: Math.min(Math.max(0, size), 20) }, (_, i) => (first + i) * step)
}

const niceCeil = (x: number): number => Math.ceil(x * 4) / 4
const fixed = (x: number): string => x.toFixed(1)
const trim = (x: number): string => String(Number(x.toFixed(3)))
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
