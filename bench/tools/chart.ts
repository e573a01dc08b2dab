/** Curves on logarithmic axes, as an SVG. */

export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

const WIDTH = 720
const HEIGHT = 420
const MARGIN = { left: 64, right: 110, top: 40, bottom: 44 }
const COLORS = ['#2e8b57', '#c0392b', '#2c6fbb', '#8a6d00', '#7d3c98']
/** Names at the ends of curves stand at least so far apart. */
const LINE = 15
/** Names may stand on other curves. */
const HALO = 'paint-order="stroke" stroke="#fff" stroke-width="4"'

/** x by powers of two, y by powers of ten. */
export function logLogChart(
  series: readonly Series[],
  { title, x, y }: { readonly title: string; readonly x: string; readonly y: string },
): string {
  const all = series.flatMap(({ points }) => points)
  const [low, high] = rangeOf(all.map(([at]) => Math.log2(at)))
  const [bottom, top] = rangeOf(all.map(([, value]) => Math.log10(value)))
  const [floor, ceiling] = [Math.floor(bottom), Math.ceil(top)]
  const right = WIDTH - MARGIN.right
  const base = HEIGHT - MARGIN.bottom
  const toX = (at: number): number =>
    MARGIN.left + ((right - MARGIN.left) * (Math.log2(at) - low)) / (high - low)
  const toY = (value: number): number =>
    base - ((base - MARGIN.top) * (Math.log10(value) - floor)) / (ceiling - floor)

  const rows = whole(floor, ceiling).map((power) => {
    const at = fixed(toY(10 ** power))
    return (
      `<line x1="${MARGIN.left}" x2="${right}" y1="${at}" y2="${at}" stroke="#e4e4e4"/>` +
      `<text x="${MARGIN.left - 8}" y="${fixed(toY(10 ** power) + 4)}" text-anchor="end">${10 ** power}</text>`
    )
  })
  const columns = whole(low, high).map((power) => {
    const at = fixed(toX(2 ** power))
    const label = power >= 10 ? `${2 ** (power - 10)}K` : String(2 ** power)
    return (
      `<line x1="${at}" x2="${at}" y1="${MARGIN.top}" y2="${base}" stroke="#f2f2f2"/>` +
      `<text x="${at}" y="${base + 18}" text-anchor="middle">${label}</text>`
    )
  })
  const places = apart(series.map(({ points }) => toY(points.at(-1)![1]) + 4))
  const curves = series.map(({ name, points }, i) => {
    const color = COLORS[i % COLORS.length]
    const [lastX] = points.at(-1)!
    const line = points.map(([at, value]) => `${fixed(toX(at))},${fixed(toY(value))}`).join(' ')
    const dots = points.map(
      ([at, value]) => `<circle cx="${fixed(toX(at))}" cy="${fixed(toY(value))}" r="3" fill="${color}"/>`,
    )
    const label = `<text x="${fixed(toX(lastX) + 8)}" y="${fixed(places[i])}" fill="${color}" ${HALO}>${name}</text>`
    const curve = `<polyline fill="none" stroke="${color}" stroke-width="1.5" points="${line}"/>${dots.join('')}`
    return { curve, label }
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="14" font-weight="bold">${title}</text>`,
    ...rows,
    ...columns,
    `<text x="${(MARGIN.left + right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${x}</text>`,
    `<text transform="translate(14 ${(MARGIN.top + base) / 2}) rotate(-90)" text-anchor="middle">${y}</text>`,
    ...curves.map(({ curve }) => curve),
    ...curves.map(({ label }) => label),
    '</svg>',
    '',
  ].join('\n')
}

/** Moves places down until none is nearer to the one above than a line. */
function apart(places: readonly number[]): number[] {
  const moved = [...places]
  let above = Number.NEGATIVE_INFINITY
  for (const i of Array.from(moved.keys()).toSorted((a, b) => places[a] - places[b])) {
    above = moved[i] = Math.max(moved[i], above + LINE)
  }
  return moved
}

const rangeOf = (values: readonly number[]): [number, number] => [Math.min(...values), Math.max(...values)]
const whole = (from: number, to: number): number[] =>
  Array.from({ length: Math.round(to - from) + 1 }, (_, i) => Math.round(from) + i)
const fixed = (value: number): string => value.toFixed(1)
